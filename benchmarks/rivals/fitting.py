"""A photo as the network's input: resized, padded, float32 NCHW."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Frame:
    """The input [1,3,H,W], and its pixels for each of the photo's, along x and y."""

    tensor: Array
    scale: tuple[float, float]


def letterboxed(photo: NDArray[np.uint8], width: int, height: int) -> Frame:
    """Aspect ratio kept, at the top left, padded with black."""
    rows, columns = photo.shape[:2]
    scale = min(width / columns, height / rows)
    size = round(columns * scale), round(rows * scale)
    canvas = np.zeros((height, width, 3), np.uint8)
    canvas[: size[1], : size[0]] = cv2.resize(photo, size)
    return Frame(_tensor(canvas), (size[0] / columns, size[1] / rows))


def stretched(photo: NDArray[np.uint8], width: int, height: int) -> Frame:
    """Each axis by its own scale."""
    rows, columns = photo.shape[:2]
    canvas = np.asarray(cv2.resize(photo, (width, height)), np.uint8)
    return Frame(_tensor(canvas), (width / columns, height / rows))


def _tensor(canvas: NDArray[np.uint8]) -> Array:
    return np.ascontiguousarray(canvas.transpose(2, 0, 1)[None], np.float32)
