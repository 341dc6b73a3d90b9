"""The boxes of a photo are the same in every format and orientation."""

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub

ORIENTATION = 0x0112
UNDO = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""The rotation or flip of the upright photo that a camera records as this EXIF orientation."""

Boxes = NDArray[np.float32]


def boxes(stub: DetectServiceStub, request: pb.DetectRequest) -> Boxes:
    """The boxes found, from left to right."""
    response = stub.Detect(request, timeout=30)
    found = [detection.box for detection in response.detections]
    rows = [(box.x_min, box.y_min, box.x_max, box.y_max) for box in found]
    return np.array(sorted(rows), np.float32)


@pytest.fixture(scope="module", params=["astronaut", "crowd"])
def upright(request: pytest.FixtureRequest, photo: bytes) -> Image.Image:
    """A photo that is not square."""
    if request.param == "astronaut":
        return Image.open(io.BytesIO(photo)).convert("RGB").crop((0, 0, 500, 380))
    path = Path(__file__).parents[3] / "shared" / "faces" / "dlib" / "2008_002506.jpg"
    if not path.is_file():
        pytest.skip("../shared/faces is not here")
    return Image.open(path).convert("RGB")


@pytest.fixture(scope="module")
def expected(upright: Image.Image, stub: DetectServiceStub) -> Boxes:
    """The boxes of the photo as tightly packed BGR."""
    found = boxes(stub, pb.DetectRequest(raw_image=raw(upright, padding=0)))
    assert len(found) >= 1
    return found


def raw(image: Image.Image, padding: int) -> pb.RawImage:
    bgr = np.asarray(image)[:, :, ::-1]
    height, width = bgr.shape[:2]
    rows = np.full((height, width * 3 + padding), 0xAA, np.uint8)
    rows[:, : width * 3] = bgr.reshape(height, -1)
    return pb.RawImage(
        data=rows.tobytes(),
        width=width,
        height=height,
        row_stride=rows.shape[1],
        pixel_format=pb.PIXEL_FORMAT_BGR,
    )


def encoded(image: Image.Image, kind: str, orientation: int = 1) -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    stored = image.transpose(UNDO[orientation]) if orientation > 1 else image
    file = io.BytesIO()
    stored.save(file, kind, exif=exif, quality=95, lossless=kind == "WEBP")
    return file.getvalue()


def test_raw_rows_with_padding_give_the_same_boxes(
    upright: Image.Image, stub: DetectServiceStub, expected: Boxes
) -> None:
    found = boxes(stub, pb.DetectRequest(raw_image=raw(upright, padding=13)))
    np.testing.assert_allclose(found, expected, atol=1e-3)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_lossless_files_give_the_same_boxes_in_every_orientation(
    upright: Image.Image, stub: DetectServiceStub, expected: Boxes, orientation: int
) -> None:
    file = encoded(upright, "PNG", orientation)
    found = boxes(stub, pb.DetectRequest(encoded_image=file))
    np.testing.assert_allclose(found, expected, atol=1)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_jpegs_give_the_same_boxes_in_every_orientation(
    upright: Image.Image, stub: DetectServiceStub, expected: Boxes, orientation: int
) -> None:
    file = encoded(upright, "JPEG", orientation)
    found = boxes(stub, pb.DetectRequest(encoded_image=file))
    np.testing.assert_allclose(found, expected, atol=3)


@pytest.mark.parametrize("kind", ["WEBP", "BMP", "TIFF"])
def test_other_lossless_files_give_the_same_boxes(
    upright: Image.Image, stub: DetectServiceStub, expected: Boxes, kind: str
) -> None:
    file = encoded(upright, kind)
    found = boxes(stub, pb.DetectRequest(encoded_image=file))
    np.testing.assert_allclose(found, expected, atol=1)


def test_a_larger_copy_gives_the_same_boxes_enlarged(
    upright: Image.Image, stub: DetectServiceStub, expected: Boxes
) -> None:
    large = cv2.resize(np.asarray(upright), None, fx=2, fy=2)
    image = Image.fromarray(large)
    found = boxes(stub, pb.DetectRequest(encoded_image=encoded(image, "JPEG")))
    np.testing.assert_allclose(found / 2, expected, atol=4)
