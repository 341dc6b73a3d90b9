"""The input of a network as it was published gets what the server's graph computes."""

from pathlib import Path

import numpy as np
import openvino as ov
import pytest

from facewire_server.errors import RequestError
from facewire_server.image.decode import EncodedImage
from facewire_server.image.limits import ImageLimits
from facewire_server.inference.detector import Detector, Options
from facewire_server.inference.network_input import NetworkInput
from facewire_server.inference.runtime import Runtime
from facewire_server.models.source import Source
from tests.server.own_model import copy_embedded

LIMITS = ImageLimits(16_000_000)
F32 = "INFERENCE_PRECISION_HINT"
LOW = 0.05

SIDECARS = {
    "as published": "",
    "RGB, mean, scale": "reverse_input_channels = true\nmean_values = [9, 8, 7]\nscale_values = 2",
    "stretched": 'resize_type = "standard"',
    "tiles": "tile_size = 300\ntiles_overlap = 0.25",
}


@pytest.mark.parametrize("sidecar", SIDECARS.values(), ids=SIDECARS)
def test_detections_are_those_of_the_server(tmp_path: Path, photo: bytes, sidecar: str) -> None:
    model = copy_embedded(tmp_path)
    model.with_suffix(".toml").write_text(sidecar)
    source = Source.find(str(model))
    network_input = NetworkInput(source, LIMITS)
    compiled = ov.Core().compile_model(network_input.model, "CPU", {F32: "f32"})
    found, size = network_input.detect(compiled, photo, LOW)
    expected = Detector(source, Runtime(inference_precision="f32")).detect(
        EncodedImage(photo), Options(min_confidence=LOW), LIMITS
    )
    assert size == (expected.width, expected.height)
    assert len(found.confidences) > 1
    np.testing.assert_allclose(found.boxes, expected.found.boxes, atol=0.01)
    np.testing.assert_allclose(found.confidences, expected.found.confidences, atol=1e-4)


def test_a_photo_gives_one_tensor(photo: bytes) -> None:
    network_input = NetworkInput(Source.find("face-detection-nano"), LIMITS)
    (tensor,) = network_input.tensors(photo)
    assert tensor.shape == (1, 3, 416, 416)
    assert tensor.dtype == np.float32
    assert tensor.max() == 255


def test_what_is_no_image_is_refused() -> None:
    network_input = NetworkInput(Source.find("face-detection-nano"), LIMITS)
    with pytest.raises(RequestError, match="no JPEG"):
        network_input.tensors(b"words")
