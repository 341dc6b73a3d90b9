"""Images to send, boxes to compare, and a network that costs nothing."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from facewire_server.models.source import DATA

SHARED = Path(__file__).parents[3] / "shared"
PHOTO = DATA / "astronaut.jpg"  # the small photo of one face that comes with the server
DLIB = SHARED / "faces" / "dlib"
YUNET = SHARED / "models" / "yunet"
PUBLISHED_0205 = SHARED / "models" / "face-detection-0205" / "FP16" / "face-detection-0205.xml"
SIZES = {"small": None, "1080p": (1920, 1080), "12mp": (4000, 3000)}
"""Width and height of an enlarged photo that is wider than high; None: as it is."""
QUALITY = 90
Box = Sequence[float]  # x_min, y_min, x_max, y_max in pixels


def iou(a: Box, b: Box) -> float:
    """Intersection over union of two boxes, in [0, 1]; 0 for boxes without an area."""
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    union = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)) - width * height
    return width * height / union if union > 0 else 0.0


def pixels(path: Path = PHOTO) -> NDArray[np.uint8]:
    """The pixels [H,W,3] of an image file, BGR. Raises FileNotFoundError."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise FileNotFoundError(f"no image: {path}")
    return np.asarray(image, np.uint8)


def encoded(image: NDArray[np.uint8], ending: str = ".jpg", *parameters: int) -> bytes:
    """The file of an image; `parameters` are OpenCV's."""
    return cv2.imencode(ending, image, parameters)[1].tobytes()


def photos(size: str) -> dict[str, bytes]:
    """The nine photos of dlib, as JPEG files of this size by name. Raises FileNotFoundError."""
    files = sorted(DLIB.glob("20*.jpg"))
    if not files:
        raise FileNotFoundError(f"there are no photos in {DLIB}")
    if (target := SIZES[size]) is None:
        return {file.name: file.read_bytes() for file in files}
    return {file.name: _enlarged(pixels(file), target) for file in files}


def _enlarged(photo: NDArray[np.uint8], target: tuple[int, int]) -> bytes:
    height, width = photo.shape[:2]
    across, down = target if width >= height else target[::-1]
    scale = max(across / width, down / height)
    size = max(across, round(width * scale)), max(down, round(height * scale))
    large = cv2.resize(photo, size, interpolation=cv2.INTER_CUBIC)
    x, y = (size[0] - across) // 2, (size[1] - down) // 2
    cut = np.ascontiguousarray(large[y : y + down, x : x + across], np.uint8)
    return encoded(cut, ".jpg", cv2.IMWRITE_JPEG_QUALITY, QUALITY)
