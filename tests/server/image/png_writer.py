"""Write PNG files of any colour type, depth and order of rows from numbers."""

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from tests.server.image.samples import png_chunk

START = b"\x89PNG\r\n\x1a\n"
GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
PASSES = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)


def png(
    numbers: NDArray[np.int64],
    bits: int,
    colour_type: int,
    *,
    interlaced: bool = False,
    extra: bytes = b"",
    cut_rows: int = 0,
) -> bytes:
    """The file of numbers [H,W,S], with `extra` chunks before its pixels.

    The last `cut_rows` bytes of the rows are not compressed and so missing.
    """
    height, width = numbers.shape[:2]
    header = (width, height, bits, colour_type, 0, 0, int(interlaced))
    rows = b""
    for left, top, across, down in PASSES if interlaced else ((0, 0, 1, 1),):
        part = numbers[top::down, left::across]
        if part.size:
            rows += b"".join(b"\0" + _row(row, bits) for row in part)
    return (
        START
        + png_chunk(b"IHDR", struct.pack(">IIBBBBB", *header))
        + extra
        + png_chunk(b"IDAT", zlib.compress(rows[: len(rows) - cut_rows]))
        + png_chunk(b"IEND", b"")
    )


def _row(row: NDArray[np.int64], bits: int) -> bytes:
    if bits == 16:
        return row.astype(">u2").tobytes()
    flat = row.ravel().astype(np.uint8)[:, None]
    return np.packbits(np.unpackbits(flat, axis=1)[:, -bits:]).tobytes()
