"""JPEG files, by libjpeg-turbo.

simplejpeg decodes without the GIL and notices whatever libjpeg complains about. What
it refuses although nothing is lost, rare samplings and slips of cameras, goes to
Pillow.
"""

import struct
from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL.JpegImagePlugin import JpegImageFile

from facewire_server.image.orientation import read_orientation, swaps_sides
from facewire_server.image.picture import Picture, PixelLayout
from facewire_server.image.pillow import decode_pillow
from facewire_server.image.refusal import check_pixels, damaged, unsupported
from facewire_server.image.target import Target

# More than 500 full segments do not fit into a message of 32 MiB; a file of many
# small ones would keep Pillow, which walks them in Python, busy for seconds.
MAX_SEGMENTS = 4096

_APP1, _EOI, _SOS = 0xFFE1, 0xFFD9, 0xFFDA
_WITHOUT_LENGTH = frozenset({0xFF00, 0xFF01, 0xFFFF, *range(0xFFD0, 0xFFD9)})

# Words of libjpeg's that do not mean that pixels are missing or wrong.
_HARMLESS = (
    "Could not determine subsampling level",
    "extraneous bytes before marker",
    "unknown JFIF revision number",
    "Unknown Adobe color transform code",
    "Invalid SOS parameters for sequential JPEG",
)

_STRIP_PIXELS = 1 << 18

REDUCTIONS = (8, 4, 2)
"""How many pixels along a side libjpeg-turbo makes one of with vector instructions.

It can do the other eighths too, with slower code: 3/8 of a photo takes longer than
4/8, and looks worse.
"""


def is_jpeg(data: bytes) -> bool:
    """Whether the data starts as a JPEG file."""
    return data.startswith(b"\xff\xd8\xff")


def decode_jpeg(data: bytes, max_pixels: int, target: Target | None = None) -> Picture:
    """Decode a JPEG file: BGR or GRAY, and its EXIF orientation.

    No further than `target` needs, when there is one. RequestError: IMAGE_TOO_LARGE before a pixel is decoded, CORRUPT_IMAGE.
    """
    orientation = _orientation(data)
    try:
        picture = _decode_turbo(data, max_pixels, orientation, target)
    except (KeyError, ValueError) as error:
        if not _is_harmless(error):
            raise damaged("JPEG") from error
        picture = decode_pillow(JpegImageFile, data, "JPEG", max_pixels)
    return replace(picture, orientation=orientation)


def _decode_turbo(
    data: bytes, max_pixels: int, orientation: int, target: Target | None
) -> Picture:
    """Decode without Pillow; KeyError or ValueError when simplejpeg refuses."""
    header = simplejpeg.decode_jpeg_header(data)
    height, width, colours = int(header[0]), int(header[1]), header[2]
    check_pixels(width, height, max_pixels)
    reduction = 1
    if target is not None:
        sides = (height, width) if swaps_sides(orientation) else (width, height)
        reduction = _reduction(*sides, target)
    pixels, layout = _decode_colours(
        data, colours, -(-width // reduction), -(-height // reduction)
    )
    return Picture(pixels, layout, 1, reduction, (width, height))


def _reduction(width: int, height: int, target: Target) -> int:
    """The most that an upright image can be reduced without being drawn larger."""
    wanted_width, wanted_height = target.drawn(width, height)
    for reduction in REDUCTIONS:
        if width >= wanted_width * reduction and height >= wanted_height * reduction:
            return reduction
    return 1


def _decode_colours(
    data: bytes, colours: str, width: int, height: int
) -> tuple[NDArray[np.uint8], PixelLayout]:
    """The pixels of a file of these `colours`, reduced to `width` x `height`."""

    def decode(wanted: str) -> NDArray[np.uint8]:
        return simplejpeg.decode_jpeg(
            data, wanted, min_width=width, min_height=height, strict=True
        )

    if colours == "Gray":
        return decode("GRAY")[:, :, 0], PixelLayout.GRAY
    if colours in ("CMYK", "YCCK"):
        return _cmyk_to_bgr(decode("CMYK")), PixelLayout.BGR
    return decode("BGR"), PixelLayout.BGR


def _is_harmless(error: Exception) -> bool:
    # The KeyError is simplejpeg's own: it has no name for the file's sampling.
    words = str(error)
    return isinstance(error, KeyError) or any(known in words for known in _HARMLESS)


def _cmyk_to_bgr(cmyk: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """`cmyk` [H,W,4], stored inverted as Adobe does, as BGR [H,W,3].

    All four count light, not ink: R = C * K / 255. Every program reads every CMYK
    JPEG so, with Adobe's marker or without. simplejpeg would convert too, but holds
    the GIL for it: 650 ms for 64 megapixels.
    """
    height, width = cmyk.shape[:2]
    bgr = np.empty((height, width, 3), np.uint8)
    rows = max(1, _STRIP_PIXELS // width)
    for top in range(0, height, rows):
        strip, out = cmyk[top : top + rows], bgr[top : top + rows]
        black = cv2.cvtColor(cv2.extractChannel(strip, 3), cv2.COLOR_GRAY2BGR)
        cv2.cvtColor(strip, cv2.COLOR_RGBA2BGR, out)
        cv2.multiply(out, black, out, 1 / 255)
    return bgr


def _orientation(data: bytes) -> int:
    for marker, start, end in _segments(data):
        if marker == _APP1 and data.startswith(b"Exif\0\0", start):
            return read_orientation(data[start:end])
    return 1


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, start and end of the segments before the pixels."""
    position = 2
    for _ in range(MAX_SEGMENTS):
        position = data.find(b"\xff", position)
        header = data[position : position + 4]
        if position < 0 or len(header) < 4:
            return
        marker, length = struct.unpack(">HH", header)
        if marker in (_EOI, _SOS):
            return
        if marker in _WITHOUT_LENGTH:
            position += 1
        else:
            yield marker, position + 4, position + 2 + length
            position += 2 + length
    raise unsupported("JPEG", f"more than {MAX_SEGMENTS} segments")
