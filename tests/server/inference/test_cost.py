"""The cost of a network, counted from its graph."""

from pathlib import Path

import pytest

from facewire_server.inference.network import Network
from facewire_server.models.files import ModelFiles
from facewire_server.models.source import EMBEDDED, Source

YUNET = Path(__file__).parents[4] / "shared" / "models" / "yunet"


def test_the_embedded_model_costs_what_its_card_says() -> None:
    cost = Network(Source.find(EMBEDDED).read()).cost
    assert cost.gflops == pytest.approx(0.289, abs=0.0005)
    # The card counts parameters before batch norms were folded into convolutions.
    assert cost.mparams == pytest.approx(0.2473, rel=0.01)


def test_the_cost_of_an_open_input_grows_with_its_size() -> None:
    path = YUNET / "yunet_n_dynamic.onnx"
    if not path.is_file():
        pytest.skip("../shared/models/yunet is not here")
    files = ModelFiles.read(path)
    network = Network(files, (320, 320))
    assert network.input_size == (320, 320)
    assert Network(files).cost.operations == 4 * network.cost.operations
    assert Network(files, (640, 352)).input_size == (640, 352)
