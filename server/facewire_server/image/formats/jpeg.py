"""JPEG files, by libjpeg-turbo.

simplejpeg decodes without the GIL and fails at libjpeg's first warning. `repaired` then
finds out whether pixels are missing. If none are, the cleaned file that it returns is decoded
again. Rare chroma subsamplings, which simplejpeg has no name for, go to Pillow.
"""

from dataclasses import replace

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL.JpegImagePlugin import JpegImageFile

from facewire_server.errors import corrupt_image, excessive_image, unsupported_image
from facewire_server.image.data import Data
from facewire_server.image.formats.corruption import decode_failure
from facewire_server.image.formats.jpeg_markers import FrameHeader, JpegMarkers
from facewire_server.image.formats.jpeg_repair import repaired
from facewire_server.image.formats.pillow import decode_pillow
from facewire_server.image.limits import ImageLimits
from facewire_server.image.orientation import read_orientation, swaps_sides
from facewire_server.image.picture import Picture, PixelLayout
from facewire_server.image.target import Target
from facewire_server.system.memory import is_lack_of_memory

# libjpeg's warning of bytes between the last pixel and a marker: no pixel is missing.
_STRAY = "extraneous bytes before marker"

_SAMPLING = "Could not determine subsampling level"

_ARITHMETIC = frozenset({0xC9, 0xCA})
# Processes that no library here decodes, by the marker of the frame header.
_UNSUPPORTED = {
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


def decode_jpeg(data: Data, limits: ImageLimits, target: Target | None) -> Picture:
    """Decode a JPEG file to BGR or GRAY, with its EXIF orientation.

    Reduced as far as `target` allows, if there is one. RequestError: IMAGE_TOO_LARGE
    before a pixel is decoded, UNSUPPORTED_FORMAT, CORRUPT_IMAGE.
    """
    markers = JpegMarkers.read(data, limits.scans)
    _check(markers, len(data), limits)
    orientation = read_orientation(*markers.exif)
    try:
        picture = _decode_turbo(data, limits, orientation, target)
    except (KeyError, ValueError) as error:
        if markers.frame is None or is_lack_of_memory(error):
            raise decode_failure("JPEG", 0, error) from error
        picture = _decode_repaired(data, markers.frame, limits, orientation, target)
    return replace(picture, orientation=orientation)


def _check(markers: JpegMarkers, size: int, limits: ImageLimits) -> None:
    """Raise RequestError for what is not supported, too large, too costly or incomplete."""
    if markers.first in _UNSUPPORTED:
        raise unsupported_image("JPEG", _UNSUPPORTED[markers.first])
    frame = markers.frame
    if frame is not None:
        _check_frame(frame)
        limits.check(frame.width, frame.height)
        if size - markers.pixels < frame.min_coded_bytes:
            raise corrupt_image("JPEG")
    if markers.scans > limits.scans:
        raise excessive_image("JPEG", f"more than {limits.scans} scans")
    if not markers.is_complete:
        raise corrupt_image("JPEG")


def _check_frame(frame: FrameHeader) -> None:
    """Raise RequestError (UNSUPPORTED_FORMAT) for what no library here decodes."""
    if frame.precision == 12:
        raise unsupported_image("JPEG", "samples of 12 bits")
    if frame.height == 0:
        raise unsupported_image("JPEG", "a height of 0, to be told behind the pixels (DNL)")
    if frame.component_ids and len(frame.component_ids) not in (1, 3, 4):
        raise unsupported_image("JPEG", f"{len(frame.component_ids)} components")


def _decode_repaired(
    data: Data,
    frame: FrameHeader,
    limits: ImageLimits,
    orientation: int,
    target: Target | None,
) -> Picture:
    """Decode a file that libjpeg warns of; CORRUPT_IMAGE when pixels are missing."""
    cleaned = repaired(data, frame)
    try:
        # `repaired` does not read arithmetic coding: missing pixels are only found by the
        # decoder, as a warning.
        strict = frame.marker in _ARITHMETIC
        return _decode_turbo(cleaned, limits, orientation, target, strict=strict)
    except (KeyError, ValueError) as error:
        if not _is_harmless(error):
            raise decode_failure("JPEG", 0, error) from error
    return decode_pillow(JpegImageFile, cleaned, "JPEG", limits, target, orientation)


def _decode_turbo(
    data: Data,
    limits: ImageLimits,
    orientation: int,
    target: Target | None,
    *,
    strict: bool = True,
) -> Picture:
    """Decode by simplejpeg. KeyError or ValueError for libjpeg's errors.

    With `strict`, libjpeg's warnings are errors as well.
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
    data: Data, colours: str, width: int, height: int, strict: bool
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
    """Whether an error of simplejpeg, on a file with all its pixels, leaves it to Pillow."""
    # The KeyError is simplejpeg's own: it has no name for the file's sampling.
    message = str(error)
    return isinstance(error, KeyError) or _STRAY in message or _SAMPLING in message


def _cmyk_to_bgr(cmyk: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Convert `cmyk` [H,W,4], stored inverted as Adobe does, to BGR [H,W,3].

    All four samples count light, not ink: R = C * K / 255. All programs read CMYK JPEGs
    like this, with Adobe's marker or without. simplejpeg could convert as well, but holds
    the GIL meanwhile: 650 ms for 64 megapixels.
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
