"""A picture: decoded pixels as they are stored, and how to read them.

Rule: pixels stay as the decoder or the caller made them, for as long as possible.
Rotating and reordering channels is cheap on the small image that the network sees.
"""

from dataclasses import dataclass
from enum import Enum, auto

import cv2
import numpy as np
from numpy.typing import NDArray

from facewire_server.image.orientation import swaps_sides


class PixelLayout(Enum):
    """How the samples of pixels are ordered in memory, 8 bits each."""

    BGR = auto()
    RGB = auto()
    GRAY = auto()
    BGRA = auto()
    RGBA = auto()
    NV12 = auto()
    I420 = auto()


_TO_BGR = {
    PixelLayout.RGB: cv2.COLOR_RGB2BGR,
    PixelLayout.GRAY: cv2.COLOR_GRAY2BGR,
    PixelLayout.BGRA: cv2.COLOR_BGRA2BGR,
    PixelLayout.RGBA: cv2.COLOR_RGBA2BGR,
}


def as_bgr(pixels: NDArray[np.uint8], layout: PixelLayout) -> NDArray[np.uint8]:
    """Convert `pixels` [H,W] or [H,W,C] of any layout but NV12 and I420 to BGR [H,W,3].

    Alpha is dropped, the colours under it stay as they are. BGR is returned uncopied.
    """
    if layout is PixelLayout.BGR:
        return pixels
    bgr = np.empty((*pixels.shape[:2], 3), np.uint8)
    cv2.cvtColor(pixels, _TO_BGR[layout], bgr)
    return bgr


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One image: `pixels` [H,W] (GRAY) or [H,W,C], uint8, rows may be strided.

    `pixels` may be read-only and may share memory with the request. `layout` is any
    but NV12 and I420, which `raw` converts. `orientation` is the EXIF orientation,
    1 to 8: how the stored pixels must be rotated and mirrored to be upright.

    A decoder may have reduced the image: each of `pixels` stands for `reduction` x
    `reduction` of the `full_size` (width, height) that are stored in the file; those
    at the right and lower edge may stand for less. None: `pixels` are the full size.
    """

    pixels: NDArray[np.uint8]
    layout: PixelLayout
    orientation: int = 1
    reduction: int = 1
    full_size: tuple[int, int] | None = None

    @property
    def width(self) -> int:
        """Pixels from left to right of the upright image, before any reduction."""
        return self._upright_size()[0]

    @property
    def height(self) -> int:
        """Pixels from top to bottom of the upright image, before any reduction."""
        return self._upright_size()[1]

    def _upright_size(self) -> tuple[int, int]:
        rows, columns = self.pixels.shape[:2]
        width, height = self.full_size or (columns, rows)
        return (height, width) if swaps_sides(self.orientation) else (width, height)
