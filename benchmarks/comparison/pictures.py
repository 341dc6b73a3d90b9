"""The photos to send: as they are, and enlarged to 1080p and to 12 megapixels."""

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

import cv2
import numpy as np

from facewire_client.bench.settings import Photo

FOLDER = Path(__file__).parents[3] / "shared" / "faces" / "dlib"
SIZES = {"small": None, "1080p": (1920, 1080), "12mp": (4000, 3000)}
"""Width and height of an enlarged photo that is wider than high; None: as it is."""
QUALITY = 90


def pictures(size: str) -> list[Photo]:
    """The nine photos of about 500x375 at this size, as JPEG.

    Enlarged ones are resized, cubic, until they cover the size, and the middle is cut
    out. Raises FileNotFoundError when the photos are not there.
    """
    files = sorted(FOLDER.glob("20*.jpg"))
    if not files:
        raise FileNotFoundError(f"there are no photos in {FOLDER}")
    target = SIZES[size]
    if target is None:
        return [Photo.read(file) for file in files]
    return [Photo(file.name, _enlarged(file, target)) for file in files]


def describe(size: str, photos: Sequence[Photo]) -> str:
    """A line about them: how many, their sizes, their bytes."""
    sizes = {_size(photo) for photo in photos}
    mean = fmean(len(photo.content) for photo in photos)
    each = ", ".join(f"{width}x{height}" for width, height in sorted(sizes))
    made = "as they are" if SIZES[size] is None else f"enlarged, quality {QUALITY}"
    return f"{size}: {len(photos)} JPEGs, {made}, {mean / 1e3:.0f} kB each; {each}"


def _enlarged(file: Path, target: tuple[int, int]) -> bytes:
    photo = cv2.imread(str(file))
    assert photo is not None, file
    height, width = photo.shape[:2]
    across, down = target if width >= height else target[::-1]
    scale = max(across / width, down / height)
    size = max(across, round(width * scale)), max(down, round(height * scale))
    large = cv2.resize(photo, size, interpolation=cv2.INTER_CUBIC)
    x, y = (size[0] - across) // 2, (size[1] - down) // 2
    cut = np.ascontiguousarray(large[y : y + down, x : x + across])
    return cv2.imencode(".jpg", cut, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()


def _size(photo: Photo) -> tuple[int, int]:
    pixels = cv2.imdecode(np.frombuffer(photo.content, np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None, photo.name
    return pixels.shape[1], pixels.shape[0]
