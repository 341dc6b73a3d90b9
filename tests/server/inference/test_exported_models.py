"""Real exports of Training Extensions, getitune and Model API, and toys with single keys.

The reference is a plain OpenVINO script that prepares an image as the exporter's own engine
does: decoded as RGB, resized by OpenCV, with the mean and scale of its training recipe.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import openvino as ov
import pytest
from numpy.typing import NDArray

from facewire_ext import nms
from facewire_server.image.decode import EncodedImage
from facewire_server.image.limits import ImageLimits
from facewire_server.inference.detector import Detections, Detector, Options
from facewire_server.inference.runtime import Runtime
from facewire_server.models.source import Source

SHARED = Path(__file__).parents[4] / "shared"
PHOTO = SHARED / "faces" / "dlib" / "2008_002506.jpg"
CONFIDENCE = 0.25
LIMITS = ImageLimits(10_000_000)
NAMES = ("face", "no mask")
IMAGENET = ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
UNIT = ((0.0,) * 3, (255.0,) * 3)
RAW = ((0.0,) * 3, (1.0,) * 3)


@dataclass(frozen=True)
class Export:
    """How a network was trained: normalisation, order of channels, resizing, its labels."""

    normalisation: tuple[tuple[float, ...], tuple[float, ...]]
    bgr: bool = False
    letterbox: bool = False
    labels: tuple[str, ...] = NAMES
    suppress: bool = False
    network: str = ""
    """The export whose network it is, where its own has the preprocessing inside."""


EXPORTS = {
    "otx26-atss-mobilenetv2": Export(UNIT),
    "otx26-ssd-mobilenetv2": Export(UNIT),
    "otx26-dfine-n": Export(UNIT),
    "otx26-yolox-tiny-narrow": Export(IMAGENET, letterbox=True),
    "otx26-yolox-tiny-narrow-explain": Export(IMAGENET, letterbox=True, labels=("face",)),
    "otx26-yolox-s-narrow": Export(RAW, bgr=True, letterbox=True),
    "otx26-rtmdet-tiny-narrow": Export(
        (IMAGENET[0][::-1], IMAGENET[1][::-1]), bgr=True, letterbox=True
    ),
    "getitune04-atss-mobilenetv2": Export(UNIT, suppress=True),
    "getitune04-yolox-tiny-narrow": Export(IMAGENET, letterbox=True, suppress=True),
    "getitune04-yolox-s-narrow": Export(RAW, letterbox=True, suppress=True),
    "modelapi047-saved-yolox-tiny-narrow": Export(
        IMAGENET, letterbox=True, network="otx26-yolox-tiny-narrow"
    ),
}


def needed(path: Path) -> Path:
    """A file of ../shared; skips the test where it is absent."""
    if not path.is_file():
        pytest.skip(f"../shared/{path.relative_to(SHARED)} is not here")
    return path


def detect(model: Path, image: bytes) -> Detections:
    detector = Detector(Source.find(str(model)), Runtime(inference_precision="f32"))
    return detector.detect(EncodedImage(image, reducible=False), Options(CONFIDENCE), LIMITS)


def reference(model: Path, export: Export, image: NDArray[Any]) -> NDArray[Any]:
    """Rows of box and class of at least CONFIDENCE, by a plain script; `image` is BGR."""
    network = ov.Core().read_model(model)
    side = network.inputs[0].partial_shape
    height, width = side[2].get_length(), side[3].get_length()
    network.reshape([1, 3, height, width])
    scales = np.array([width / image.shape[1], height / image.shape[0]])
    if export.letterbox:
        scales[:] = scales.min()
    fitted = cv2.resize(image, tuple(np.rint(scales * image.shape[1::-1]).astype(int).tolist()))
    canvas = np.full((height, width, 3), 114, np.uint8)
    left, top = (width - fitted.shape[1]) // 2, (height - fitted.shape[0]) // 2
    canvas[top : top + fitted.shape[0], left : left + fitted.shape[1]] = fitted
    pixels = canvas if export.bgr else canvas[:, :, ::-1]
    mean, scale = (np.array(values, np.float32) for values in export.normalisation)
    tensor = np.ascontiguousarray(((pixels - mean) / scale).transpose(2, 0, 1)[None], np.float32)
    compiled: Any = ov.Core().compile_model(network, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    found = {name: array[0] for out, array in compiled(tensor).items() for name in out.names}
    boxes = found.get("boxes", found.get("bboxes"))
    assert boxes is not None
    scores = found["scores"] if "scores" in found else boxes[:, 4]
    corners = boxes[:, :4] * ([width, height] * 2 if "scores" in found else 1)
    offset, ratio = np.tile([left, top], 2), np.tile(scales, 2)
    corners = np.clip((corners - offset) / ratio, 0, np.tile(image.shape[1::-1], 2))
    rows = np.column_stack([corners, scores, found["labels"]]).astype(np.float32)
    rows = rows[rows[:, 4] >= CONFIDENCE]
    rows = rows[(rows[:, 2:4] > rows[:, :2]).all(axis=1)]
    return suppressed(rows) if export.suppress else rows


def suppressed(rows: NDArray[Any]) -> NDArray[Any]:
    keep = np.empty(len(rows), np.int32)
    columns = (np.ascontiguousarray(rows[:, part]) for part in (slice(4), 4))
    boxes, scores = columns
    classes = rows[:, 5].astype(np.int32)
    return rows[keep[: nms(boxes, scores, keep, iou_threshold=0.5, class_ids=classes)]]


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_is_served_as_its_own_engine_reads_it(name: str) -> None:
    export = EXPORTS[name]
    folder = SHARED / "models" / "otx"
    model = needed(folder / name / "model.xml")
    network = needed(folder / (export.network or name) / "model.xml")
    image = cv2.imread(str(needed(PHOTO)))
    assert image is not None
    detections = detect(model, cv2.imencode(".png", image)[1].tobytes())
    found = detections.found
    expected = reference(network, export, image)
    assert detections.model.labels == export.labels
    assert len(expected) > 3
    assert len(found.boxes) == pytest.approx(len(expected), abs=1)
    apart = np.abs(expected[:, None, :4] - found.boxes[None]).max(axis=2)
    apart[expected[:, None, 5] != found.class_ids[None]] = np.inf
    assert (apart.min(axis=1) < 0.5).mean() >= 0.95
    scores = found.confidences[apart.argmin(axis=1)]
    assert np.median(np.abs(scores - expected[:, 4])) < 0.001


CASES = SHARED / "cases" / "models"
ASTRONAUT = SHARED / "cases" / "images" / "01_no_eoi_samsung_trailer.jpg"


@pytest.mark.parametrize(
    "name",
    [
        "19_otx_old_scale",
        "19_otx_scale_to_unit",
        "20_embedded_dynamic",
        "21_otx_rtdetr",
        "27_boxes_only",
        "27_float_labels",
    ],
)
def test_a_toy_is_confident_when_its_input_is_prepared_as_it_says(name: str) -> None:
    found = detect(needed(CASES / f"{name}.xml"), needed(ASTRONAUT).read_bytes()).found
    assert found.boxes.tolist() == [[128, 128, 384, 384]]
    assert found.class_ids.tolist() == [0]
    assert found.confidences[0] > 0.99


def test_a_network_of_rgb_sees_rgb() -> None:
    model = needed(CASES / "23_otx_rgb_false.xml")
    assert len(detect(model, needed(CASES / "23_red.png").read_bytes()).found.boxes) == 1
    assert len(detect(model, needed(CASES / "23_blue.png").read_bytes()).found.boxes) == 0
