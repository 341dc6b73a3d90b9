"""Published models in INT8: what is quantized, and that they still find the face."""

from pathlib import Path

import pytest

from facewire_server.image.decode import EncodedImage
from facewire_server.image.limits import ImageLimits
from facewire_server.inference.detector import Detector, Options
from facewire_server.inference.network import Network
from facewire_server.inference.network_input import NetworkInput
from facewire_server.inference.quantization import LINEAR, quantize, save, tail
from facewire_server.inference.runtime import Runtime
from facewire_server.models.files import ModelFiles
from facewire_server.models.source import Source
from tests.server.stored_bits import stored_bits

pytest.importorskip("nncf", reason="needs NNCF: pip install 'facewire[quantize]'")

MODELS = Path(__file__).parents[3] / "shared/models"
PATHS = (
    "face-detection-0205/FP16/face-detection-0205.xml",
    "face-detection-0200-2021/FP16/face-detection-0200.xml",
    "yunet/yunet_n_320_320.onnx",
)
LIMITS = ImageLimits(1_000_000)


@pytest.mark.parametrize("path", PATHS)
def test_the_body_is_quantized_and_the_tail_is_not(path: str, tmp_path: Path, photo: bytes) -> None:
    if not (MODELS / path).exists():
        pytest.skip("../shared/models is not here")
    source = Source.find(str(MODELS / path))
    network_input = NetworkInput(source, LIMITS)
    tensors = list(network_input.tensors(photo))
    kept = set(tail(network_input.model)) - _shapes(network_input)
    save(quantize(network_input.model, tensors), tmp_path / "small.xml", source.defaults)

    operations = Network(ModelFiles.read(tmp_path / "small.xml")).model.get_ops()
    quantized = {
        node.get_friendly_name()
        for node in operations
        if node.input_values() and node.input_value(0).get_node().get_type_name() == "FakeQuantize"
    }
    linear = [each for each in operations if each.get_type_name() in LINEAR]
    assert {stored_bits(each.input_value(1)) for each in linear} == {8}
    assert kept and not kept & quantized

    before, after = (
        Detector(each, Runtime()).detect(EncodedImage(photo), Options(), LIMITS).found.boxes
        for each in (source, Source.find(str(tmp_path / "small.xml")))
    )
    assert len(before) == len(after) == 1
    assert after[0] == pytest.approx(before[0], abs=12)


def _shapes(network_input: NetworkInput) -> set[str]:
    """The operations that read shapes only: where a quantized tensor is, they read its shape."""
    operations = network_input.model.get_ops()
    return {each.get_friendly_name() for each in operations if each.get_type_name() == "ShapeOf"}
