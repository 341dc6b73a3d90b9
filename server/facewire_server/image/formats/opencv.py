"""OpenCV, for files that Pillow decodes with the GIL held, and for reducing pixels."""

import cv2
import numpy as np
from numpy.typing import NDArray

from facewire_server.image.data import Data
from facewire_server.image.formats.corruption import decode_failure
from facewire_server.image.picture import Picture, PixelLayout

# 8 bits a sample, grey stays grey, alpha is dropped. The orientation is applied in `fit`.
_FLAGS = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_IGNORE_ORIENTATION


def decode_opencv(data: Data, kind: str, pixels: int) -> Picture:
    """Decode a file of `kind` ("WebP") whose size in pixels is within the limits.

    The GIL is released. RequestError (CORRUPT_IMAGE) when it does not decode, MemoryError
    when there is no memory for it.
    """
    try:
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), _FLAGS)
    except cv2.error as error:
        raise decode_failure(kind, pixels, error) from error
    if decoded is None:
        raise decode_failure(kind, pixels)
    layout = PixelLayout.GRAY if decoded.ndim == 2 else PixelLayout.BGR
    return Picture(np.asarray(decoded, np.uint8), layout)


def reduce_pixels(pixels: NDArray[np.uint8], reduction: int, reduced: NDArray[np.uint8]) -> None:
    """Write the mean of each block of `reduction` x `reduction` pixels to `reduced`.

    `pixels` are [H,W] or [H,W,C], `reduced` has ceil(H / reduction) rows and
    ceil(W / reduction) columns. Blocks that are cut off at the right and the lower edge
    are completed by repeating the edge.
    """
    if reduction == 1:
        reduced[...] = pixels
        return
    rows, columns = reduced.shape[:2]
    below = rows * reduction - pixels.shape[0]
    right = columns * reduction - pixels.shape[1]
    if below or right:
        padded = cv2.copyMakeBorder(pixels, 0, below, 0, right, cv2.BORDER_REPLICATE)
        pixels = np.asarray(padded, np.uint8)
    reduced[...] = cv2.resize(pixels, (columns, rows), interpolation=cv2.INTER_AREA)
