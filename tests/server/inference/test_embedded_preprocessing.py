"""Graphs that resize, normalise and swap channels by themselves, as Model API saves them."""

from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from openvino import opset15 as ops

from facewire_server.errors import ModelError
from facewire_server.image.limits import ImageLimits
from facewire_server.image.picture import PixelLayout
from facewire_server.image.raw import RawImage
from facewire_server.inference.detector import Detector, Options
from facewire_server.inference.runtime import Runtime
from facewire_server.models.source import Source
from tests.server.hanging_model import constant

SIDE = 16
OTX = {"otx_version": "2.6.0"}
SAVED = {
    "embedded_processing": "YES",
    "orig_width": str(SIDE),
    "orig_height": str(SIDE),
    "mean_values": "7",
    "scale_values": "9",
}


def write(path: Path, metadata: dict[str, str], *, swaps: bool, size: int = -1) -> Path:
    """Write an IR whose confidence is the first channel that its network sees, in 0 to 1.

    The input is uint8 [1,size,size,3]. `swaps`: the graph reverses the channels.
    """
    image = ops.parameter([1, size, size, 3], np.uint8, "image")
    sizes, axes = constant([SIDE, SIDE], np.int64), constant([1, 2], np.int64)
    pixels = ops.interpolate(
        image,
        sizes,
        "linear",
        "sizes",
        coordinate_transformation_mode="half_pixel",
        nearest_mode="floor",
        axes=axes,
    )
    if swaps:
        pixels = ops.gather(pixels, constant([2, 1, 0], np.int64), constant(3, np.int64))
    planes = ops.transpose(ops.convert(pixels, "f32"), constant([0, 3, 1, 2], np.int64))
    weights = constant(np.array([1 / 255, 0, 0]).reshape(1, 3, 1, 1), np.float32)
    first = ops.convolution(planes, weights, [1, 1], [0, 0], [0, 0], [1, 1])
    confidence = ops.reduce_max(first, constant([3], np.int64), keep_dims=False)
    confidence = ops.reduce_max(confidence, constant([2], np.int64), keep_dims=True)
    corners = constant([[[4, 4, 8, 12]]], np.float32)
    boxes = ops.concat([corners, confidence], 2).output(0)
    boxes.set_names({"boxes"})
    model = ov.Model([ops.result(boxes)], [image], "saved")
    for key, value in metadata.items():
        model.set_rt_info(value, ["model_info", key])
    ov.save_model(model, path, compress_to_fp16=False)
    return path


def confidences(model: Path) -> list[float]:
    """The confidence for a blue image and for a red one, each of 32 x 32 pixels."""
    detector = Detector(Source.find(str(model)), Runtime(inference_precision="f32"))
    found = []
    for pixel in (b"\xff\0\0", b"\0\0\xff"):
        image = RawImage(data=pixel * 1024, width=32, height=32, layout=PixelLayout.BGR)
        detections = detector.detect(image, Options(min_confidence=0.0), ImageLimits(1024))
        boxes = detections.found.boxes.tolist()
        assert boxes in ([], [[8, 8, 16, 24]])
        found.append(round(float(sum(detections.found.confidences)), 3))
    return found


@pytest.mark.parametrize(
    ("exporter", "swaps", "sees"),
    [
        ({}, False, "BGR"),
        # Model API says that its graphs take BGR, and swaps in the graph for a network of RGB.
        ({}, True, "RGB"),
        # Training Extensions gives RGB, and Model API swaps in the graph for one of BGR.
        (OTX, False, "RGB"),
        (OTX, True, "BGR"),
    ],
)
def test_the_network_in_a_saved_graph_sees_the_channels_it_was_trained_on(
    tmp_path: Path, exporter: dict[str, str], swaps: bool, sees: str
) -> None:
    metadata = SAVED | exporter | {"reverse_input_channels": "YES" if swaps else "NO"}
    model = write(tmp_path / "saved.xml", metadata, swaps=swaps)
    assert confidences(model) == ([1.0, 0.0] if sees == "BGR" else [0.0, 1.0])


@pytest.mark.parametrize("rgb", [True, False])
def test_the_sidecar_says_what_the_input_of_a_saved_graph_is(tmp_path: Path, rgb: bool) -> None:
    model = write(tmp_path / "saved.xml", SAVED | OTX, swaps=False)
    model.with_suffix(".toml").write_text(f"reverse_input_channels = {str(rgb).lower()}")
    assert confidences(model) == ([0.0, 1.0] if rgb else [1.0, 0.0])


def test_a_graph_saved_for_frames_of_one_size_is_given_its_own_size(tmp_path: Path) -> None:
    frames = {"input_frame_width": "48", "input_frame_height": "48"}
    model = write(tmp_path / "saved.xml", SAVED | frames, swaps=False, size=48)
    assert confidences(model) == [1.0, 0.0]


def test_a_sidecar_cannot_change_the_size_that_boxes_are_given_in(tmp_path: Path) -> None:
    model = write(tmp_path / "saved.xml", SAVED, swaps=False)
    model.with_suffix(".toml").write_text("input_width = 32\ninput_height = 32")
    with pytest.raises(ModelError, match="is fixed at 16 x 16"):
        Detector(Source.find(str(model)), Runtime())
