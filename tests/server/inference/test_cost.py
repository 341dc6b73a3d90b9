"""The cost of a network, counted from its graph."""

from pathlib import Path

import pytest

from facewire_server.catalogue.catalogue import Catalogue
from facewire_server.inference.network import Network
from facewire_server.models.files import ModelFiles
from facewire_server.models.source import EMBEDDED, EMBEDDED_FILE, Source

YUNET = Path(__file__).parents[4] / "shared" / "models" / "yunet"


def test_the_embedded_model_is_as_the_catalogue_and_its_card_say() -> None:
    listed = Catalogue.published().get(EMBEDDED)
    network = Network(Source.find(EMBEDDED).read())
    cost = network.cost
    assert network.input_size == (listed.width, listed.height)
    assert cost.gflops == pytest.approx(listed.gflops, abs=0.0005)
    assert cost.mparams == pytest.approx(listed.mparams, abs=0.0005)
    card = (EMBEDDED_FILE.parent / "README.md").read_text()
    assert f"[1,3,{listed.height},{listed.width}]" in card
    assert f"{cost.parameters:,} parameters, {listed.gflops:.3f} GFLOPs" in card


def test_the_cost_of_an_open_input_grows_with_its_size() -> None:
    path = YUNET / "yunet_n_dynamic.onnx"
    if not path.is_file():
        pytest.skip("../shared/models/yunet is not here")
    files = ModelFiles.read(path)
    network = Network(files, (320, 320))
    assert network.input_size == (320, 320)
    assert Network(files).cost.operations == 4 * network.cost.operations
    assert Network(files, (640, 352)).input_size == (640, 352)
