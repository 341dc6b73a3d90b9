from facewire_server.image.data import Data

"""The headers of BMP files, of Windows and of OS/2: what the pixels are, and where.

Rule: the size of the file, which many writers get wrong, is ignored; so is a start of the
pixels that lies within the headers.
Source: Microsoft's documentation of BITMAPINFOHEADER and its successors.
"""

import struct
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

HEADER_SIZES = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
"""Sizes of the second header, one for each version of the format."""

PLAIN, RLE8, RLE4, BIT_FIELDS, JPEG, PNG, ALPHA_BIT_FIELDS = range(7)

_CORE, _SHORT, _INFO, _OS2 = 12, 16, 40, 64
_FILE_HEADER = 14
_COLOURS = 256

_PIXEL_BITS = {16: 0xFFFF, 32: 0xFFFFFFFF}
"""All bits of a pixel, by its depth; masks are limited to them."""

_MASKS_15 = (0x7C00, 0x03E0, 0x001F)
_MASKS_24 = (0xFF0000, 0x00FF00, 0x0000FF)


@dataclass(frozen=True, slots=True)
class BmpHeader:
    """An image of `width` x `height` pixels of `bits`, stored from offset `start` on.

    `masks` are the bits of red, green and blue in pixels of 16 and 32 bits; `palette`
    [256,3] has the colours, BGR, for pixels of up to 8 bits.
    """

    width: int
    height: int
    top_down: bool
    bits: int
    coding: int
    is_os2: bool
    masks: tuple[int, int, int]
    palette: NDArray[np.uint8]
    start: int

    @classmethod
    def read(cls, data: Data) -> Self:
        """Read the headers; ValueError when they are cut off."""
        try:
            return cls._read(data)
        except struct.error as error:
            raise ValueError("the header is cut off") from error

    @classmethod
    def _read(cls, data: Data) -> Self:
        start, size = struct.unpack_from("<II", data, 10)
        coding, colours_used, tables = PLAIN, 0, _FILE_HEADER + size
        if size == _CORE:
            width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        elif size == _SHORT:
            width, height, _, bits = struct.unpack_from("<iiHH", data, 18)
        else:
            width, height, _, bits, coding = struct.unpack_from("<iiHHI", data, 18)
            (colours_used,) = struct.unpack_from("<I", data, 46)
        masks = _MASKS_15 if bits == 16 else _MASKS_24
        if coding in (BIT_FIELDS, ALPHA_BIT_FIELDS) and size != _OS2 and bits != 24:
            given = struct.unpack_from("<III", data, _FILE_HEADER + _INFO)
            red, green, blue = (mask & _PIXEL_BITS.get(bits, 0) for mask in given)
            masks = (red, green, blue) if any((red, green, blue)) else masks
            if size == _INFO:
                tables += 12 if coding == BIT_FIELDS else 16
        colours = colours_used or (1 << bits if bits <= 8 else 0)
        colour_bytes = 3 if size == _CORE else 4
        if start < tables:
            start = tables + colours * colour_bytes
        room = (start - tables) // colour_bytes
        palette = _palette(data, tables, min(colours, room), colour_bytes)
        return cls(
            width,
            abs(height),
            height < 0,
            bits,
            coding,
            size in (_CORE, _SHORT, _OS2),
            masks,
            palette,
            start,
        )

    @property
    def stride(self) -> int:
        """The bytes of an uncompressed row, padded to a multiple of four."""
        return (self.width * self.bits + 31) // 32 * 4

    @property
    def end(self) -> int:
        """The end of the last row, without its padding, which some writers omit."""
        return self.start + self.stride * (self.height - 1) + -(-self.width * self.bits // 8)


def _palette(data: Data, offset: int, count: int, colour_bytes: int) -> NDArray[np.uint8]:
    """The first 256 of `count` colours [256,3]; black where there is none."""
    palette = np.zeros((_COLOURS, 3), np.uint8)
    count = max(0, min(count, _COLOURS, (len(data) - offset) // colour_bytes))
    if count:
        stored = np.frombuffer(data, np.uint8, count * colour_bytes, offset)
        palette[:count] = stored.reshape(count, colour_bytes)[:, :3]
    return palette
