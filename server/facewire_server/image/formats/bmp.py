"""BMP files, read where they lie; run-length coded ones by OpenCV.

Pillow and OpenCV both know a part of the formats only, and each reads some of them
wrongly: palettes of two greys and bit fields among them. Uncompressed pixels are no
more than numbers in rows.
"""

import struct

import numpy as np

from facewire_server.image.formats.bmp_header import (
    ALPHA_BIT_FIELDS,
    BIT_FIELDS,
    HEADER_SIZES,
    JPEG,
    PLAIN,
    PNG,
    RLE4,
    RLE8,
    BmpHeader,
)
from facewire_server.image.formats.bmp_pixels import reader
from facewire_server.image.formats.compression import RUNS, check_possible
from facewire_server.image.formats.opencv import decode_opencv
from facewire_server.image.limits import ImageLimits
from facewire_server.image.picture import Picture
from facewire_server.image.reduction import reduce
from facewire_server.image.refusal import damaged, unsupported
from facewire_server.image.target import REDUCTIONS, Target

_UPSIDE_DOWN = 4
"""The EXIF orientation of rows that are stored from the bottom."""

_STRIP_PIXELS = 1 << 18


def is_bmp(data: bytes) -> bool:
    """Whether the data starts as a BMP file: the two letters BM are not enough."""
    header = data[14:18]
    known = len(header) < 4 or int.from_bytes(header, "little") in HEADER_SIZES
    return data.startswith(b"BM") and known


def decode_bmp(data: bytes, limits: ImageLimits, target: Target | None) -> Picture:
    """Decode a BMP file; no further than `target` needs, when there is one.

    RequestError: IMAGE_TOO_LARGE before a pixel is decoded, CORRUPT_IMAGE.
    """
    try:
        header = BmpHeader.read(data)
    except ValueError as error:
        raise damaged("BMP") from error
    limits.check(header.width, header.height)
    if header.width < 1 or header.height < 1:
        raise damaged("BMP")
    _check_kind(header)
    if header.coding in (RLE8, RLE4):
        return _decode_runs(data, header)
    if header.end > len(data):
        raise damaged("BMP")
    return _decode_rows(data, header, target)


def _check_kind(header: BmpHeader) -> None:
    """Refuse in words what is not read."""
    coding, bits = header.coding, header.bits
    if header.of_os2 and coding in (BIT_FIELDS, JPEG):
        raise unsupported("BMP", "Huffman codes or 24-bit runs of OS/2")
    if coding in (JPEG, PNG):
        raise unsupported("BMP", f"a {'JPEG' if coding == JPEG else 'PNG'} file")
    depths = {RLE8: (8,), RLE4: (4,)}.get(coding, (1, 2, 4, 8, 16, 24, 32))
    known = (PLAIN, RLE8, RLE4, BIT_FIELDS, ALPHA_BIT_FIELDS)
    if coding not in known or bits not in depths:
        raise unsupported("BMP", f"{bits}-bit pixels of coding {coding}")
    if bits in (16, 32) and not all(map(_is_field, header.masks)):
        raise unsupported("BMP", "bit fields with gaps")


def _is_field(mask: int) -> bool:
    """Whether the bits of a mask follow each other."""
    field = mask // (mask & -mask or 1)
    return field & (field + 1) == 0


def _decode_runs(data: bytes, header: BmpHeader) -> Picture:
    """Decode runs, with the plainest header: OpenCV does not know all of them."""
    pixels = header.width * header.height
    check_possible("BMP", len(data) - header.start, pixels, RUNS)
    palette = np.zeros((1 << header.bits, 4), np.uint8)
    palette[:, :3] = header.palette[: len(palette)]
    runs = memoryview(data)[header.start :]
    start = 54 + palette.nbytes
    height = -header.height if header.top_down else header.height
    plain = struct.pack(
        "<2sIIIIiiHHIIiiII",
        *(b"BM", start + len(runs), 0, start),
        *(40, header.width, height, 1, header.bits, header.coding, len(runs)),
        *(0, 0, len(palette), 0),
    )
    return decode_opencv(b"".join([plain, palette.tobytes(), runs]), "BMP", pixels)


def _decode_rows(data: bytes, header: BmpHeader, target: Target | None) -> Picture:
    size = header.width, header.height
    reduction = target.reduction(*size) if target is not None else 1
    orientation = 1 if header.top_down else _UPSIDE_DOWN
    layout, read, is_view = reader(data, header)
    if is_view and reduction == 1:
        return Picture(read(0, header.height), layout, orientation, 1, size)
    columns, rows = (-(-side // reduction) for side in size)
    channels = read(0, 1).shape[2:]
    pixels = np.empty((rows, columns, *channels), np.uint8)
    most = max(REDUCTIONS)
    step = max(1, _STRIP_PIXELS // header.width // most) * most
    for top in range(0, header.height, step):
        bottom = min(top + step, header.height)
        part = pixels[top // reduction : -(-bottom // reduction)]
        reduce(read(top, bottom), reduction, part)
    return Picture(pixels, layout, orientation, reduction, size)
