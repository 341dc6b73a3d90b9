"""Images to send, boxes to compare, and a network that costs nothing."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset15 as ops

from facewire_server.models.source import DATA

SHARED = Path(__file__).parents[3] / "shared"
PHOTO = DATA / "astronaut.jpg"
"""The small photo of one face that comes with the server."""
DLIB = SHARED / "faces" / "dlib"
SIZES = {"small": None, "1080p": (1920, 1080), "12mp": (4000, 3000)}
"""Width and height of an enlarged photo that is wider than high; None: as it is."""
QUALITY = 90
SIDE = 640
"""Pixels of the trivial network's square input."""

Box = Sequence[float]
"""x_min, y_min, x_max, y_max in pixels."""


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
    """The nine photos of dlib of about 500x375, as JPEG files of this size by their names.

    Enlarged ones are resized, cubic, until they cover the size, and their middle is cut
    out. Raises FileNotFoundError when the photos are not there.
    """
    files = sorted(DLIB.glob("20*.jpg"))
    if not files:
        raise FileNotFoundError(f"there are no photos in {DLIB}")
    if (target := SIZES[size]) is None:
        return {file.name: file.read_bytes() for file in files}
    return {file.name: _enlarged(pixels(file), target) for file in files}


def describe(size: str, files: dict[str, bytes]) -> str:
    """A line about photos: how many there are, their sizes and their bytes."""
    mean = sum(map(len, files.values())) / len(files)
    made = "as they are" if SIZES[size] is None else f"enlarged, quality {QUALITY}"
    sizes = {_decoded(each).shape[1::-1] for each in files.values()}
    each = ", ".join(f"{width}x{height}" for width, height in sorted(sizes))
    return f"{size}: {len(files)} JPEGs, {made}, {mean / 1e3:.0f} kB each; {each}"


def copy_model(model: Path, path: Path) -> Path:
    """Copy both files of an IR under another name; returns that."""
    shutil.copy(model, path)
    shutil.copy(model.with_suffix(".bin"), path.with_suffix(".bin"))
    return path


def save_trivial_network(path: Path) -> None:
    """Write an IR that finds the same box in every image and computes nothing.

    Its input is [1,3,SIDE,SIDE].
    """
    image = ops.parameter([1, 3, SIDE, SIDE], np.float32, "image")
    boxes = ops.constant(np.array([[100, 100, 300, 300, 0.9]], np.float32))
    labels = ops.constant(np.zeros(1, np.int64))
    boxes.output(0).set_names({"boxes"})
    labels.output(0).set_names({"labels"})
    results = [ops.result(boxes), ops.result(labels)]
    ov.save_model(ov.Model(results, [image], "nothing"), path)


def _enlarged(photo: NDArray[np.uint8], target: tuple[int, int]) -> bytes:
    height, width = photo.shape[:2]
    across, down = target if width >= height else target[::-1]
    scale = max(across / width, down / height)
    size = max(across, round(width * scale)), max(down, round(height * scale))
    large = cv2.resize(photo, size, interpolation=cv2.INTER_CUBIC)
    x, y = (size[0] - across) // 2, (size[1] - down) // 2
    cut = np.ascontiguousarray(large[y : y + down, x : x + across], np.uint8)
    return encoded(cut, ".jpg", cv2.IMWRITE_JPEG_QUALITY, QUALITY)


def _decoded(content: bytes) -> NDArray[np.generic]:
    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return image
