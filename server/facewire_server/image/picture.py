"""A picture: decoded pixels as they are stored, and how to read them.

Rule: pixels stay as the decoder or the caller made them, for as long as possible.
They are converted, rotated and reordered as they are drawn into the network's input.
"""

from dataclasses import dataclass, replace
from enum import Enum, auto

import numpy as np
from numpy.typing import NDArray

from facewire_server.image.orientation import reversed_axes, swaps_sides


class PixelLayout(Enum):
    """How the samples of pixels are ordered in memory, 8 bits each."""

    BGR = auto()
    RGB = auto()
    GRAY = auto()
    BGRA = auto()
    RGBA = auto()
    NV12 = auto()
    I420 = auto()


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One image: `pixels` [H,W] (GRAY) or [H,W,C], uint8, rows may be strided.

    Of NV12 and I420 `pixels` [H,W] are the luma, and `chroma` are U and V, [H/2,W/2] each,
    with the same strides. All may be read-only and share memory with the request.
    `orientation` is the EXIF orientation, 1 to 8: how the stored pixels must be rotated and
    mirrored to be upright.

    A decoder may have reduced the image: each of `pixels` stands for `reduction` x
    `reduction` of the `full_size` (width, height) that are stored in the file; those
    at the right and lower edge may stand for less. None: `pixels` are the full size.
    """

    pixels: NDArray[np.uint8]
    layout: PixelLayout
    orientation: int = 1
    reduction: int = 1
    full_size: tuple[int, int] | None = None
    chroma: tuple[NDArray[np.uint8], NDArray[np.uint8]] | None = None

    @property
    def width(self) -> int:
        """Pixels from left to right of the upright image, before any reduction."""
        return self._upright_size()[0]

    @property
    def height(self) -> int:
        """Pixels from top to bottom of the upright image, before any reduction."""
        return self._upright_size()[1]

    def crop(self, left: int, top: int, width: int, height: int) -> "Picture":
        """A part of the upright picture, as a view: it begins at `left`, `top`.

        ValueError for a picture that was reduced; for a part that is empty or not inside;
        and for odd numbers where the picture has chroma, which two pixels share.
        """
        if self.reduction != 1:
            raise ValueError("a reduced picture is not cropped")
        starts, sizes, full = [left, top], [width, height], self._upright_size()
        for axis, is_reversed in enumerate(reversed_axes(self.orientation)):
            if starts[axis] < 0 or sizes[axis] < 1 or starts[axis] + sizes[axis] > full[axis]:
                raise ValueError(f"{width} x {height} at {left}, {top} is not inside")
            if is_reversed:
                starts[axis] = full[axis] - starts[axis] - sizes[axis]
        if swaps_sides(self.orientation):
            starts.reverse()
            sizes.reverse()
        (x, y), (columns, rows) = starts, sizes
        pixels = self.pixels[y : y + rows, x : x + columns]
        if self.chroma is None:
            return replace(self, pixels=pixels, full_size=None)
        if (x | y | columns | rows) % 2:
            raise ValueError(f"{width} x {height} at {left}, {top} divides chroma samples")
        u, v = (
            plane[y // 2 : (y + rows) // 2, x // 2 : (x + columns) // 2] for plane in self.chroma
        )
        return replace(self, pixels=pixels, full_size=None, chroma=(u, v))

    def _upright_size(self) -> tuple[int, int]:
        rows, columns = self.pixels.shape[:2]
        width, height = self.full_size or (columns, rows)
        return (height, width) if swaps_sides(self.orientation) else (width, height)
