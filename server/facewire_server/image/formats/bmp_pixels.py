"""Uncompressed pixels of BMP files: rows of numbers, fields of bits, or colours."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from facewire_server.image.formats.bmp_header import BmpHeader
from facewire_server.image.picture import PixelLayout

_IN_PLACE = {
    (0xFF0000, 0x00FF00, 0x0000FF): PixelLayout.BGRA,
    (0x0000FF, 0x00FF00, 0xFF0000): PixelLayout.RGBA,
}
"""By masks: pixels of 32 bits that are used as they are."""

_Read = Callable[[int, int], NDArray[np.uint8]]
"""Makes the pixels of rows, from one to before another: [H,W] or [H,W,C]."""


def reader(data: bytes, header: BmpHeader) -> tuple[PixelLayout, _Read, bool]:
    """What reads rows, as which layout, and whether it is the file's own memory."""
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
            (lambda *rows: np.asarray(cv2.LUT(_numbers(data, header, rows), grays))),
            False,
        )
    return PixelLayout.BGR, lambda *rows: _coloured(data, header, rows), False


def _view(
    data: bytes, header: BmpHeader, rows: tuple[int, int], channels: int
) -> NDArray[np.uint8]:
    """Rows of pixels of whole bytes, in place: [H,W,channels]."""
    top, bottom = rows
    return np.ndarray(
        (bottom - top, header.width, channels),
        np.uint8,
        data,
        header.start + top * header.stride,
        (header.stride, channels, 1),
    )


def _numbers(data: bytes, header: BmpHeader, rows: tuple[int, int]) -> NDArray[np.uint8]:
    """The numbers of colours [H,W] of pixels of up to 8 bits."""
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
    each = 8 // bits
    numbers = np.empty((bottom - top, stored.shape[1] * each), np.uint8)
    for place in range(each):
        shift = 8 - bits * (place + 1)
        numbers[:, place::each] = stored >> shift & ((1 << bits) - 1)
    return numbers[:, : header.width]


def _coloured(data: bytes, header: BmpHeader, rows: tuple[int, int]) -> NDArray[np.uint8]:
    """Rows of numbers as the colours that they stand for: [H,W,3], BGR."""
    numbers = np.ascontiguousarray(_numbers(data, header, rows))
    return np.asarray(cv2.applyColorMap(numbers, header.palette[:, None]), np.uint8)


def _fields(data: bytes, header: BmpHeader, rows: tuple[int, int]) -> NDArray[np.uint8]:
    """Rows of pixels of 16 or 32 bits whose masks say where the colours are."""
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
        most = mask >> shift
        numbers = (stored & mask) >> shift
        while most > 255:  # of more than 8 bits the top 8 count
            numbers, most = numbers >> 1, most >> 1
        scale = np.arange(256) * 255 / max(most, 1)
        table = scale.round().clip(0, 255).astype(np.uint8)
        bgr[:, :, channel] = cv2.LUT(numbers.astype(np.uint8), table)
    return bgr
