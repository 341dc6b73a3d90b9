"""JPEG files, by libjpeg-turbo.

simplejpeg decodes without the GIL and stops at whatever libjpeg complains of first.
What it complains of, `repaired` looks at: whether pixels are missing. If none are, it
decodes what is left; rare samplings, for which it has no name, go to Pillow.
"""

from dataclasses import replace

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL.JpegImagePlugin import JpegImageFile

from facewire_server.image.formats.jpeg_markers import Frame, JpegMarkers
from facewire_server.image.formats.jpeg_repair import repaired
from facewire_server.image.formats.pillow import decode_pillow
from facewire_server.image.limits import ImageLimits
from facewire_server.image.orientation import read_orientation, swaps_sides
from facewire_server.image.picture import Picture, PixelLayout
from facewire_server.image.refusal import blame, damaged, excessive, unsupported
from facewire_server.image.target import Target
from facewire_server.system.memory import is_lack_of_memory

# Its words for the bytes between the last pixel and a marker, of which none is missing.
_STRAY = "extraneous bytes before marker"

_SAMPLING = "Could not determine subsampling level"

_ARITHMETIC = frozenset({0xC9, 0xCA})
# What no library here reads, by the first marker of a frame.
_UNREAD = {
    0xC3: "a lossless JPEG (SOF3)",
    0xC5: "a hierarchical JPEG (SOF5)",
    0xC6: "a hierarchical JPEG (SOF6)",
    0xC7: "a hierarchical, lossless JPEG (SOF7)",
    0xCB: "a lossless JPEG with arithmetic coding (SOF11)",
    0xCD: "a hierarchical JPEG with arithmetic coding (SOF13)",
    0xCE: "a hierarchical JPEG with arithmetic coding (SOF14)",
    0xCF: "a hierarchical, lossless JPEG with arithmetic coding (SOF15)",
    0xDE: "a hierarchical JPEG (DHP)",
    0xF7: "a JPEG-LS (SOF55)",
}

_STRIP_PIXELS = 1 << 18


def is_jpeg(data: bytes) -> bool:
    """Whether the data starts as a JPEG file."""
    return data.startswith(b"\xff\xd8\xff")


def decode_jpeg(data: bytes, limits: ImageLimits, target: Target | None) -> Picture:
    """Decode a JPEG file: BGR or GRAY, and its EXIF orientation.

    No further than `target` needs, when there is one. RequestError: IMAGE_TOO_LARGE
    before a pixel is decoded, UNSUPPORTED_FORMAT, CORRUPT_IMAGE.
    """
    outline = JpegMarkers.read(data, limits.scans)
    _check(outline, len(data), limits)
    orientation = read_orientation(*outline.exif)
    try:
        picture = _decode_turbo(data, limits, orientation, target)
    except (KeyError, ValueError) as error:
        if outline.frame is None or is_lack_of_memory(error):
            raise blame("JPEG", 0, error) from error
        picture = _decode_repaired(data, outline.frame, limits, orientation, target)
    return replace(picture, orientation=orientation)


def _check(outline: JpegMarkers, size: int, limits: ImageLimits) -> None:
    """Refuse what would cost far more than its pixels, or claims what is not there."""
    if outline.first in _UNREAD:
        raise unsupported("JPEG", _UNREAD[outline.first])
    frame = outline.frame
    if frame is not None:
        _check_frame(frame)
        limits.check(frame.width, frame.height)
        if size - outline.pixels < frame.least_bytes:
            raise damaged("JPEG")
    if outline.scans > limits.scans:
        raise excessive("JPEG", f"more than {limits.scans} scans")
    if not outline.complete:
        raise damaged("JPEG")


def _check_frame(frame: Frame) -> None:
    """RequestError (UNSUPPORTED_FORMAT) for frames that no library here reads."""
    if frame.precision == 12:
        raise unsupported("JPEG", "samples of 12 bits")
    if frame.height == 0:
        raise unsupported("JPEG", "a height of 0, to be told behind the pixels (DNL)")
    if frame.numbers and len(frame.numbers) not in (1, 3, 4):
        raise unsupported("JPEG", f"{len(frame.numbers)} components")


def _decode_repaired(
    data: bytes,
    frame: Frame,
    limits: ImageLimits,
    orientation: int,
    target: Target | None,
) -> Picture:
    """Decode what libjpeg complains of; CORRUPT_IMAGE when pixels are missing."""
    whole = repaired(data, frame)
    try:
        # How much there is of arithmetic coding, only its decoder knows.
        strict = frame.marker in _ARITHMETIC
        return _decode_turbo(whole, limits, orientation, target, strict=strict)
    except (KeyError, ValueError) as error:
        if not _is_harmless(error):
            raise blame("JPEG", 0, error) from error
    return decode_pillow(JpegImageFile, whole, "JPEG", limits, target, orientation)


def _decode_turbo(
    data: bytes,
    limits: ImageLimits,
    orientation: int,
    target: Target | None,
    *,
    strict: bool = True,
) -> Picture:
    """Decode without Pillow; KeyError or ValueError when simplejpeg refuses.

    It refuses errors, and what libjpeg only warns of, too, when it is `strict`.
    """
    header = simplejpeg.decode_jpeg_header(data)
    height, width, colours = int(header[0]), int(header[1]), header[2]
    limits.check(width, height)
    reduction = 1
    if target is not None:
        sides = (height, width) if swaps_sides(orientation) else (width, height)
        reduction = target.reduction(*sides)
    pixels, layout = _decode_colours(
        data, colours, -(-width // reduction), -(-height // reduction), strict
    )
    return Picture(pixels, layout, 1, reduction, (width, height))


def _decode_colours(
    data: bytes, colours: str, width: int, height: int, strict: bool
) -> tuple[NDArray[np.uint8], PixelLayout]:
    """The pixels of a file of these `colours`, reduced to `width` x `height`."""

    def decode(wanted: str) -> NDArray[np.uint8]:
        return simplejpeg.decode_jpeg(
            data, wanted, min_width=width, min_height=height, strict=strict
        )

    if colours == "Gray":
        return decode("GRAY")[:, :, 0], PixelLayout.GRAY
    if colours in ("CMYK", "YCCK"):
        return _cmyk_to_bgr(decode("CMYK")), PixelLayout.BGR
    return decode("BGR"), PixelLayout.BGR


def _is_harmless(error: Exception) -> bool:
    # The KeyError is simplejpeg's own: it has no name for the file's sampling.
    words = str(error)
    return isinstance(error, KeyError) or _STRAY in words or _SAMPLING in words


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
