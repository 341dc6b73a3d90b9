"""Large JPEGs decoded to fewer pixels: the same faces, in the photo's own pixels."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from facewire_server.image.decode import EncodedImage, open_image
from facewire_server.image.limits import ImageLimits
from facewire_server.inference.detector import Detector, Options
from facewire_server.inference.heads.base import Found
from facewire_server.inference.runtime import Runtime
from facewire_server.models.source import DATA, EMBEDDED, Source

SHARED = Path(__file__).parents[3] / "shared"
PHOTOS = sorted((SHARED / "faces" / "dlib").glob("*.jpg"))
YUNET = SHARED / "models" / "yunet"
PHOTO = DATA / "astronaut.jpg"
PIXELS = 12_000_000
MARGIN = 0.1
"""By how much confidences may differ between the two ways."""

Box = tuple[float, float, float, float]


@pytest.fixture(scope="module", params=[EMBEDDED, "yunet_n_320_320.onnx", "yunet_n_640_640.onnx"])
def detector(request: pytest.FixtureRequest) -> Detector:
    model = request.param if request.param == EMBEDDED else str(YUNET / request.param)
    if model != EMBEDDED and not Path(model).is_file():
        pytest.skip("../shared/models/yunet is not here")
    return Detector(Source.find(model), Runtime())


def enlarged(path: Path, suffix: str = ".jpg") -> bytes:
    """A photo of 12 megapixels; a JPEG as a camera would store it."""
    small = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    assert small is not None
    factor = (PIXELS / (small.shape[0] * small.shape[1])) ** 0.5
    large = cv2.resize(small, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    options = (cv2.IMWRITE_JPEG_QUALITY, 92) if suffix == ".jpg" else ()
    return cv2.imencode(suffix, large, options)[1].tobytes()


def detect(detector: Detector, data: bytes, options: Options, *, scaled: bool) -> Found:
    image, limits = EncodedImage(data, reducible=scaled), ImageLimits(2 * PIXELS)
    detections = detector.detect(image, options, limits)
    picture = open_image(image, limits, detector.target)
    assert (picture.reduction > 1) == scaled
    assert (detections.width, detections.height) == (picture.width, picture.height)
    return detections.found


def overlap(a: Box, b: Box) -> float:
    """Intersection over union."""
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return width * height / (sum(areas) - width * height)


@pytest.mark.parametrize("scaled_first", [False, True])
@pytest.mark.parametrize("path", [PHOTO, *PHOTOS], ids=lambda path: path.stem)
def test_the_faces_of_a_12_megapixel_photo_stay_where_they_are(
    detector: Detector, path: Path, scaled_first: bool
) -> None:
    found = assert_the_same_faces(detector, enlarged(path), scaled_first)
    assert found or path != PHOTO


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tiff"])
def test_so_does_the_face_of_one_that_is_no_jpeg(detector: Detector, suffix: str) -> None:
    assert assert_the_same_faces(detector, enlarged(PHOTO, suffix), scaled_first=True)


def assert_the_same_faces(detector: Detector, data: bytes, scaled_first: bool) -> int:
    """What the one way finds, the network sees the other way; how many that is."""
    least = detector.description.min_confidence
    # Two places of the network may be as sure of one face, and which of them is kept
    # is decided by the last digit. So one way's faces are looked for among all that
    # the other way has before suppression, and those at the threshold are left out.
    found = detect(detector, data, Options(min_confidence=least + MARGIN), scaled=scaled_first)
    everything = Options(min_confidence=least - MARGIN, iou_threshold=1.0)
    others = detect(detector, data, everything, scaled=not scaled_first)
    for box in found.boxes.tolist():
        assert max(overlap(box, other) for other in others.boxes.tolist()) > 0.9
    return len(found.boxes)
