"""The path from an image to boxes, without a server."""

from pathlib import Path

import numpy as np
import pytest

from facewire_server.errors import ModelError, Reason, RequestError
from facewire_server.image.decode import EncodedImage
from facewire_server.image.limits import ImageLimits
from facewire_server.image.picture import PixelLayout
from facewire_server.image.raw import RawImage
from facewire_server.inference.detector import Detector, Options
from facewire_server.inference.runtime import Runtime
from facewire_server.models.registry import Registry
from facewire_server.models.source import EMBEDDED, Source

YUNET = Path(__file__).parents[4] / "shared" / "models" / "yunet"


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector(Source.find(EMBEDDED), Runtime())


LIMITS = ImageLimits(1_000_000)


@pytest.fixture
def image(photo: bytes) -> EncodedImage:
    return EncodedImage(photo)


def test_the_embedded_model_finds_the_face(detector: Detector, image: EncodedImage) -> None:
    detections = detector.detect(image, Options(), LIMITS)
    assert (detections.width, detections.height) == (512, 512)
    assert len(detections.found.boxes) == 1
    assert detections.found.landmarks is None


def test_the_same_picture_gives_the_same_boxes_again(
    detector: Detector, image: EncodedImage
) -> None:
    options = Options(min_confidence=0.1)
    first = detector.detect(image, options, LIMITS).found
    black = RawImage(data=bytes(99 * 33 * 3), width=33, height=99, layout=PixelLayout.BGR)
    detector.detect(black, Options(), LIMITS)
    second = detector.detect(image, options, LIMITS).found
    np.testing.assert_array_equal(first.boxes, second.boxes)


@pytest.mark.parametrize("file", ["yunet_n_640_640.onnx", "yunet_n_dynamic.onnx"])
def test_yunet_finds_the_face_and_its_landmarks(file: str, image: EncodedImage) -> None:
    if not (YUNET / file).is_file():
        pytest.skip("../shared/models/yunet is not here")
    detector = Detector(Source.find(str(YUNET / file)), Runtime())
    found = detector.detect(image, Options(), LIMITS).found
    assert found.landmarks is not None
    ((x_min, y_min, x_max, y_max),) = found.boxes
    points = found.landmarks.reshape(5, 2)
    assert ((points > (x_min, y_min)) & (points < (x_max, y_max))).all()
    right_eye, left_eye, nose, right_mouth, left_mouth = points
    assert right_eye[0] < left_eye[0]
    assert right_mouth[0] < left_mouth[0]
    assert right_eye[1] < nose[1] < right_mouth[1]


@pytest.mark.parametrize("value", [-0.01, 1.01, float("nan"), float("inf")])
def test_options_out_of_range_are_refused_by_name(value: float) -> None:
    with pytest.raises(RequestError, match="min_confidence") as caught:
        Options(min_confidence=value)
    assert caught.value.reason is Reason.BAD_OPTION
    with pytest.raises(RequestError, match="iou_threshold"):
        Options(iou_threshold=value)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("face-detection-9000", "there is no model"),
        ("nowhere/model.xml", "there is no file"),
    ],
)
def test_a_model_that_is_not_there_is_refused(model: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        Source.find(model)


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"no model at all")
    with pytest.raises(ModelError, match="broken.onnx cannot be read"):
        Detector(Source.find(str(path)), Runtime())


def test_a_device_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(ModelError, match="'GPU'.*CPU"):
        Detector(Source.find(EMBEDDED), Runtime(device="GPU"))


def test_two_models_of_one_name_are_refused(detector: Detector) -> None:
    with pytest.raises(ModelError, match="same name"):
        Registry([detector, detector])
