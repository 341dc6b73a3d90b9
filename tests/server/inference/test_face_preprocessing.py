"""What SCRFD, RetinaFace and YOLOs see of an image when no metadata tell how to show it.

The toy networks answer with the first channel of their input, as scores.
"""

from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from openvino import opset15 as ops

from facewire_server.image.limits import ImageLimits
from facewire_server.image.picture import PixelLayout
from facewire_server.image.raw import RawImage
from facewire_server.inference.detector import Detector, Options
from facewire_server.inference.heads.base import Found
from facewire_server.inference.runtime import Runtime
from facewire_server.models.source import Source

SIDE = 64
CELLS = 64 + 16 + 4
EVERYTHING = Options(min_confidence=0.25, iou_threshold=1.0)


def zeros(*shape: int) -> ov.Node:
    return ops.constant(np.zeros(shape, np.float32))


def half(*shape: int) -> ov.Node:
    return ops.constant(np.full(shape, 0.5, np.float32))


def whole(*values: int) -> ov.Node:
    return ops.constant(np.array(values, np.int64))


def first_channel(image: ov.Node, copies: int) -> ov.Node:
    """The mean of each cell of 8 x 8 pixels in the first channel, `copies` times: [1,N,1]."""
    channel = ops.slice(image, whole(0), whole(1), whole(1), whole(1))
    cells = ops.avg_pool(channel, [8, 8], [0, 0], [0, 0], [8, 8], False)
    rows = ops.broadcast(ops.reshape(cells, whole(1, 64, 1), False), whole(1, 64, copies))
    return ops.reshape(rows, whole(1, 64 * copies, 1), False)


def found(path: Path, image: ov.Node, outputs: list[ov.Node], color: tuple[int, ...]) -> Found:
    """Detect with these outputs in a picture of one colour (B, G, R), 64 x 32 pixels."""
    ov.save_model(ov.Model(outputs, [image], "toy"), path, compress_to_fp16=False)
    raw = RawImage(data=bytes(color) * SIDE * 32, width=SIDE, height=32, layout=PixelLayout.BGR)
    runtime = Runtime(inference_precision="f32")
    detector = Detector(Source.find(str(path)), runtime)
    return detector.detect(raw, EVERYTHING, ImageLimits(SIDE * 32)).found


@pytest.fixture
def image() -> ov.Node:
    return ops.parameter([1, 3, SIDE, SIDE], np.float32, name="image")


def test_scrfd_sees_red_first_about_zero_above_black(tmp_path: Path, image: ov.Node) -> None:
    scores = [first_channel(image, 2), zeros(1, 32, 1), zeros(1, 8, 1)]
    boxes = [half(1, count, 4) for count in (128, 32, 8)]
    faces = found(tmp_path / "any.xml", image, [*scores, *boxes], (0, 0, 255))
    assert len(faces.boxes) == 64
    assert faces.confidences == pytest.approx((255 - 127.5) / 128)


def test_retinaface_sees_blue_first_less_its_mean(tmp_path: Path, image: ov.Node) -> None:
    faces = ops.concat([first_channel(image, 2), zeros(1, 40, 1)], 1)
    scores = ops.concat([zeros(1, 168, 1), faces], 2)
    outputs = [zeros(1, 168, 4), scores, zeros(1, 168, 10)]
    seen = found(tmp_path / "any.xml", image, outputs, (105, 255, 255))
    assert len(seen.boxes) == 64
    assert seen.confidences == pytest.approx(105 - 104)


def test_a_yolo_sees_red_first_up_to_1_between_grey(tmp_path: Path, image: ov.Node) -> None:
    scores = ops.concat([first_channel(image, 1), zeros(1, 20, 1)], 1)
    boxes = ops.constant(np.full((1, CELLS, 4), SIDE / 2, np.float32))
    outputs = [ops.transpose(ops.concat([boxes, scores], 2), whole(0, 2, 1))]
    seen = found(tmp_path / "any.xml", image, outputs, (0, 0, 204))
    assert seen.confidences == pytest.approx([204 / 255] * 32 + [114 / 255] * 32)
    # In the middle: 16 rows of grey above the picture.
    assert seen.boxes[0].tolist() == [16, 0, 48, 32]
