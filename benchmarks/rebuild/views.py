"""Network inputs to calibrate and compare with: one photo, noise, parts of the photo."""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from facewire_server.models.source import DATA

Image = NDArray[np.float32]
"""A network input, [1,3,side,side], BGR, 0..255."""

PHOTO = DATA / "astronaut.jpg"


def views(side: int, seed: int) -> Iterator[Image]:
    """The whole photo, noise, then random square parts of the photo, without end."""
    random = np.random.default_rng(seed)
    photo = np.asarray(cv2.imread(str(PHOTO)), np.uint8)
    yield _input(photo, side)
    yield _input(random.integers(0, 256, (side, side, 3), np.uint8), side)
    shortest = min(photo.shape[:2])
    while True:
        size = int(random.integers(shortest // 4, shortest))
        top, left = (int(random.integers(0, end - size)) for end in photo.shape[:2])
        yield _input(photo[top : top + size, left : left + size], side)


def _input(pixels: NDArray[np.uint8], side: int) -> Image:
    resized = cv2.resize(pixels, (side, side))
    return np.ascontiguousarray(resized.transpose(2, 0, 1)[None], np.float32)
