"""Plain NumPy readings of resizing, rotating and converting, to compare with."""

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
ONE = 2048


def _neighbours(sources: int, count: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The left one of both pixels that make each of `count`, and the part of the right."""
    scale = 1.0 / (count / sources)
    where = ((np.arange(count) + 0.5) * scale - 0.5).astype(np.float32)
    left = np.floor(where).astype(np.int64)
    return left, where - left.astype(np.float32)


def _weights(part: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    left, right = (np.rint(each * np.float32(ONE)) for each in (np.float32(1) - part, part))
    return left.astype(np.int64), right.astype(np.int64)


def resize(pixels: Bytes, width: int, height: int) -> Bytes:
    """[H, W, C] to [height, width, C], bilinear, in OpenCV's fixed point."""
    rows, columns = pixels.shape[:2]
    x, part = _neighbours(columns, width)
    part[(x < 0) | (x >= columns - 1)] = 0  # a pixel beyond the edge weighs nothing
    x = np.clip(x, 0, columns - 1)
    left, right = (each[:, None] for each in _weights(part))
    values = pixels.astype(np.int64)
    lines = (values[:, x] * left + values[:, np.minimum(x + 1, columns - 1)] * right) >> 4
    y, part = _neighbours(rows, height)
    top, bottom = (each[:, None, None] for each in _weights(part))
    above, below = (lines[np.clip(y + each, 0, rows - 1)] for each in (0, 1))
    blended = (((above * top) >> 16) + ((below * bottom) >> 16) + 2) >> 2
    return np.asarray(np.minimum(blended, 255), np.uint8)


def upright(stored: Bytes, orientation: int) -> Bytes:
    """[H, W, C] as its EXIF orientation says."""
    if orientation >= 5:
        stored = stored.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        stored = stored[:, ::-1]
    return stored[::-1] if orientation in (3, 4, 7, 8) else stored


def bgr(luma: Bytes, u: Bytes, v: Bytes) -> Bytes:
    """4:2:0 video as [H, W, 3], BT.601, limited range, in OpenCV's fixed point."""
    blue, red = (each.repeat(2, 0).repeat(2, 1).astype(np.int64) - 128 for each in (u, v))
    base = np.maximum(luma.astype(np.int64) - 16, 0) * 1220542 + (1 << 19)
    channels = (
        base + 2116026 * blue,
        base - 852492 * red - 409993 * blue,
        base + 1673527 * red,
    )
    return np.clip(np.dstack([each >> 20 for each in channels]), 0, 255).astype(np.uint8)
