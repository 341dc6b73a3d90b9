"""BMP files: uncompressed pixels are read in place, run-length coded ones by OpenCV.

Pillow and OpenCV each support only a part of the variants, and decode some of them
wrongly: palettes of two greys and bit fields among them. Uncompressed pixels need no
decoder: they are numbers in rows, padded to four bytes.
"""

import struct
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from facewire_server.errors import corrupt_image, unsupported_image
from facewire_server.image.data import Data
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
from facewire_server.image.formats.corruption import RLE_RATIO, check_ratio
from facewire_server.image.formats.opencv import decode_opencv, reduce_pixels
from facewire_server.image.limits import ImageLimits
from facewire_server.image.picture import Picture, PixelLayout
from facewire_server.image.target import REDUCTIONS, Target

_BOTTOM_UP = 4
"""The EXIF orientation of rows that are stored from the bottom."""

_STRIP_PIXELS = 1 << 18

_IN_PLACE = {
    (0xFF0000, 0x00FF00, 0x0000FF): PixelLayout.BGRA,
    (0x0000FF, 0x00FF00, 0xFF0000): PixelLayout.RGBA,
}
"""Layouts, by their masks, of 32-bit pixels that are used as they are."""

_ReadRows = Callable[[int, int], NDArray[np.uint8]]
"""Read the rows from the first number up to the second: [H,W] or [H,W,C]."""


def is_bmp(data: bytes) -> bool:
    """Whether the data starts as a BMP file: "BM", then a header of a known size."""
    size = data[14:18]
    is_known = len(size) < 4 or int.from_bytes(size, "little") in HEADER_SIZES
    return data.startswith(b"BM") and is_known


def decode_bmp(data: Data, limits: ImageLimits, target: Target | None) -> Picture:
    """Decode a BMP file, reduced as far as `target` allows, if there is one.

    RequestError: IMAGE_TOO_LARGE before a pixel is decoded, UNSUPPORTED_FORMAT,
    CORRUPT_IMAGE.
    """
    try:
        header = BmpHeader.read(data)
    except ValueError as error:
        raise corrupt_image("BMP") from error
    limits.check(header.width, header.height)
    if header.width < 1 or header.height < 1:
        raise corrupt_image("BMP")
    _check_coding(header)
    if header.coding in (RLE8, RLE4):
        return _decode_runs(data, header)
    if header.end > len(data):
        raise corrupt_image("BMP")
    return _decode_rows(data, header, target)


def _check_coding(header: BmpHeader) -> None:
    """Raise RequestError (UNSUPPORTED_FORMAT) for codings and depths that are not read."""
    coding, bits = header.coding, header.bits
    if header.is_os2 and coding in (BIT_FIELDS, JPEG):
        raise unsupported_image("BMP", "Huffman codes or 24-bit runs of OS/2")
    if coding in (JPEG, PNG):
        raise unsupported_image("BMP", f"a {'JPEG' if coding == JPEG else 'PNG'} file")
    depths = {RLE8: (8,), RLE4: (4,)}.get(coding, (1, 2, 4, 8, 16, 24, 32))
    known = (PLAIN, RLE8, RLE4, BIT_FIELDS, ALPHA_BIT_FIELDS)
    if coding not in known or bits not in depths:
        raise unsupported_image("BMP", f"{bits}-bit pixels of coding {coding}")
    if bits in (16, 32) and not all(map(_is_field, header.masks)):
        raise unsupported_image("BMP", "bit fields with gaps")


def _is_field(mask: int) -> bool:
    """Whether the bits of a mask are contiguous."""
    field = mask // (mask & -mask or 1)
    return field & (field + 1) == 0


def _decode_runs(data: Data, header: BmpHeader) -> Picture:
    """Decode run-length coded pixels, under a header of the version that OpenCV reads."""
    pixels = header.width * header.height
    check_ratio("BMP", len(data) - header.start, pixels, RLE_RATIO)
    palette = np.zeros((1 << header.bits, 4), np.uint8)
    palette[:, :3] = header.palette[: len(palette)]
    runs = memoryview(data)[header.start :]
    start = 54 + palette.nbytes
    height = -header.height if header.top_down else header.height
    plain_header = struct.pack(
        "<2sIIIIiiHHIIiiII",
        *(b"BM", start + len(runs), 0, start),
        *(40, header.width, height, 1, header.bits, header.coding, len(runs)),
        *(0, 0, len(palette), 0),
    )
    return decode_opencv(b"".join([plain_header, palette.tobytes(), runs]), "BMP", pixels)


def _decode_rows(data: Data, header: BmpHeader, target: Target | None) -> Picture:
    """Read uncompressed pixels: in place where that is possible, else strip by strip."""
    size = header.width, header.height
    reduction = target.reduction(*size) if target is not None else 1
    orientation = 1 if header.top_down else _BOTTOM_UP
    layout, read, is_view = _row_reader(data, header)
    if is_view and reduction == 1:
        return Picture(read(0, header.height), layout, orientation, 1, size)
    columns, rows = (-(-side // reduction) for side in size)
    channels = read(0, 1).shape[2:]
    pixels = np.empty((rows, columns, *channels), np.uint8)
    multiple = max(REDUCTIONS)
    step = max(1, _STRIP_PIXELS // header.width // multiple) * multiple
    for top in range(0, header.height, step):
        bottom = min(top + step, header.height)
        strip = pixels[top // reduction : -(-bottom // reduction)]
        reduce_pixels(read(top, bottom), reduction, strip)
    return Picture(pixels, layout, orientation, reduction, size)


def _row_reader(data: Data, header: BmpHeader) -> tuple[PixelLayout, _ReadRows, bool]:
    """The layout of the pixels, a reader of rows, and whether it returns views of `data`."""
    bits, masks = header.bits, header.masks
    if bits == 24:
        return PixelLayout.BGR, lambda *rows: _view(data, header, rows, 3), True
    if bits == 32 and masks in _IN_PLACE:
        return _IN_PLACE[masks], lambda *rows: _view(data, header, rows, 4), True
    if bits > 8:
        return PixelLayout.BGR, lambda *rows: _fields(data, header, rows), False
    palette = header.palette
    if (palette == palette[:, :1]).all():
        grays = np.ascontiguousarray(palette[:, 0])
        return (
            PixelLayout.GRAY,
            (lambda *rows: np.asarray(cv2.LUT(_indices(data, header, rows), grays))),
            False,
        )
    return PixelLayout.BGR, lambda *rows: _coloured(data, header, rows), False


def _view(data: Data, header: BmpHeader, rows: tuple[int, int], channels: int) -> NDArray[np.uint8]:
    """A view of rows of pixels of whole bytes: [H,W,channels]."""
    top, bottom = rows
    return np.ndarray(
        (bottom - top, header.width, channels),
        np.uint8,
        data,
        header.start + top * header.stride,
        (header.stride, channels, 1),
    )


def _indices(data: Data, header: BmpHeader, rows: tuple[int, int]) -> NDArray[np.uint8]:
    """The palette indices [H,W] of pixels of up to 8 bits."""
    top, bottom = rows
    bits = header.bits
    stored = np.ndarray(
        (bottom - top, -(-header.width * bits // 8)),
        np.uint8,
        data,
        header.start + top * header.stride,
        (header.stride, 1),
    )
    if bits == 8:
        return stored
    if bits == 1:
        return np.unpackbits(stored, axis=1, count=header.width)
    per_byte = 8 // bits
    indices = np.empty((bottom - top, stored.shape[1] * per_byte), np.uint8)
    for index in range(per_byte):
        shift = 8 - bits * (index + 1)
        indices[:, index::per_byte] = stored >> shift & ((1 << bits) - 1)
    return indices[:, : header.width]


def _coloured(data: Data, header: BmpHeader, rows: tuple[int, int]) -> NDArray[np.uint8]:
    """Rows of palette indices as colours: [H,W,3], BGR."""
    indices = np.ascontiguousarray(_indices(data, header, rows))
    return np.asarray(cv2.applyColorMap(indices, header.palette[:, None]), np.uint8)


def _fields(data: Data, header: BmpHeader, rows: tuple[int, int]) -> NDArray[np.uint8]:
    """Rows of pixels of 16 or 32 bits whose colours are bit fields: [H,W,3], BGR."""
    top, bottom = rows
    size = header.bits // 8
    stored = np.ndarray(
        (bottom - top, header.width),
        f"<u{size}",
        data,
        header.start + top * header.stride,
        (header.stride, size),
    )
    bgr = np.empty((*stored.shape, 3), np.uint8)
    for channel, mask in enumerate(reversed(header.masks)):
        shift = max((mask & -mask).bit_length() - 1, 0)
        maximum = mask >> shift
        samples = (stored & mask) >> shift
        while maximum > 255:  # of more than 8 bits the top 8 count
            samples, maximum = samples >> 1, maximum >> 1
        scale = np.arange(256) * 255 / max(maximum, 1)
        table = scale.round().clip(0, 255).astype(np.uint8)
        bgr[:, :, channel] = cv2.LUT(samples.astype(np.uint8), table)
    return bgr
