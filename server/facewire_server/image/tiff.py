"""TIFF and BigTIFF files, by Pillow, which decodes them without the GIL.

What makes it dear, or hides something, `tiff_parts` looks at first.
"""

import ctypes
from contextlib import suppress
from dataclasses import replace

import numpy as np
from PIL import Image, _imaging
from PIL.TiffImagePlugin import TiffImageFile

from facewire_server.image.directory import Directory
from facewire_server.image.orientation import orientation_of
from facewire_server.image.picture import Picture
from facewire_server.image.pillow import decode_pillow
from facewire_server.image.refusal import damaged, unsupported
from facewire_server.image.target import Target
from facewire_server.image.tiff_parts import (
    BITS,
    HEIGHT,
    PHOTOMETRIC,
    WIDTH,
    check_parts,
)
from facewire_server.image_limits import ImageLimits

# Pillow takes this header for that of a small TIFF.
_BIG_MOTOROLA = b"MM\0+"

_WHITE_IS_ZERO = 0


def _silence_libtiff() -> None:
    """Keep Pillow's libtiff from writing a line to standard error for each fault.

    A fax-coded page of noise has a fault in every row. Pillow has no switch for it
    and libtiff only these two; where a build of Pillow hides them, the lines stay.
    """
    library = ctypes.CDLL(_imaging.__file__)
    for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
        with suppress(AttributeError):
            getattr(library, name)(None)


_silence_libtiff()


def is_tiff(data: bytes) -> bool:
    """Whether the data starts as a TIFF file."""
    return data.startswith((b"II*\0", b"MM\0*", b"II+\0", _BIG_MOTOROLA))


class _FirstPage(TiffImageFile):
    """A TIFF file whose pixels Pillow leaves as they are stored.

    It would read all that cameras say, and turn the image in a second copy of it.
    """

    def getexif(self) -> Image.Exif:
        """Nothing."""
        return Image.Exif()


def decode_tiff(data: bytes, limits: ImageLimits, target: Target | None) -> Picture:
    """Decode the first page of a TIFF file, with its orientation.

    No further than `target` needs, when there is one. RequestError: IMAGE_TOO_LARGE
    before a pixel is decoded, CORRUPT_IMAGE.
    """
    if data.startswith(_BIG_MOTOROLA):
        raise unsupported("TIFF", "64-bit offsets in Motorola byte order")
    try:
        directory = Directory.read(data)
        width, height = directory.integer(WIDTH), directory.integer(HEIGHT)
        limits.check(width, height)
        if width < 1 or height < 1:
            raise damaged("TIFF")
        check_parts(directory, width, height, limits)
        bits = directory.integer(BITS)
        photometric = directory.integer(PHOTOMETRIC, default=1)
    except ValueError as error:
        raise damaged("TIFF") from error
    if bits == 12:
        raise unsupported("TIFF", "12-bit samples")
    turned = orientation_of(directory)
    picture = decode_pillow(_FirstPage, data, "TIFF", limits, target, turned)
    if bits == 16 and photometric == _WHITE_IS_ZERO:
        # Pillow inverts samples of up to 8 bits, and forgets these.
        return replace(picture, pixels=np.invert(picture.pixels))
    return picture
