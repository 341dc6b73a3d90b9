"""JPEG files, by libjpeg-turbo.

simplejpeg decodes without the GIL and notices whatever libjpeg complains about. What
it refuses although nothing is lost, rare samplings and slips of cameras, goes to
Pillow.
"""

from dataclasses import replace

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL.JpegImagePlugin import JpegImageFile

from facewire_server.image.jpeg_outline import Outline
from facewire_server.image.orientation import read_orientation, swaps_sides
from facewire_server.image.picture import Picture, PixelLayout
from facewire_server.image.pillow import decode_pillow
from facewire_server.image.refusal import damaged, excessive
from facewire_server.image.target import Target
from facewire_server.image_limits import ImageLimits

# Words of libjpeg's that do not mean that pixels are missing or wrong.
_HARMLESS = (
    "Could not determine subsampling level",
    "extraneous bytes before marker",
    "unknown JFIF revision number",
    "Unknown Adobe color transform code",
    "Invalid SOS parameters for sequential JPEG",
)

_STRIP_PIXELS = 1 << 18


def is_jpeg(data: bytes) -> bool:
    """Whether the data starts as a JPEG file."""
    return data.startswith(b"\xff\xd8\xff")


def decode_jpeg(data: bytes, limits: ImageLimits, target: Target | None) -> Picture:
    """Decode a JPEG file: BGR or GRAY, and its EXIF orientation.

    No further than `target` needs, when there is one. RequestError: IMAGE_TOO_LARGE
    before a pixel is decoded, CORRUPT_IMAGE.
    """
    outline = Outline.read(data, limits.scans)
    _check(outline, len(data), limits)
    orientation = read_orientation(*outline.exif)
    try:
        picture = _decode_turbo(data, limits, orientation, target)
    except (KeyError, ValueError) as error:
        if not _is_harmless(error):
            raise damaged("JPEG") from error
        return decode_pillow(JpegImageFile, data, "JPEG", limits, target, orientation)
    return replace(picture, orientation=orientation)


def _check(outline: Outline, size: int, limits: ImageLimits) -> None:
    """Refuse what would cost far more than its pixels, or claims what is not there."""
    if outline.frame is not None:
        limits.check(outline.frame.width, outline.frame.height)
        if size - outline.pixels < outline.frame.least_bytes:
            raise damaged("JPEG")
    if outline.scans > limits.scans:
        raise excessive("JPEG", f"more than {limits.scans} scans")


def _decode_turbo(
    data: bytes, limits: ImageLimits, orientation: int, target: Target | None
) -> Picture:
    """Decode without Pillow; KeyError or ValueError when simplejpeg refuses."""
    header = simplejpeg.decode_jpeg_header(data)
    height, width, colours = int(header[0]), int(header[1]), header[2]
    limits.check(width, height)
    reduction = 1
    if target is not None:
        sides = (height, width) if swaps_sides(orientation) else (width, height)
        reduction = target.reduction(*sides)
    pixels, layout = _decode_colours(
        data, colours, -(-width // reduction), -(-height // reduction)
    )
    return Picture(pixels, layout, 1, reduction, (width, height))


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
