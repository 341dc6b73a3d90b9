"""TIFF and BigTIFF files, by Pillow, which decodes them without the GIL.

Pillow believes the directory; what that costs, or hides, is looked at here first.
"""

import ctypes
import math
from contextlib import suppress
from dataclasses import replace

import numpy as np
from PIL import _imaging
from PIL.TiffImagePlugin import TiffImageFile

from facewire_server.image.directory import Directory
from facewire_server.image.picture import Picture
from facewire_server.image.pillow import decode_pillow
from facewire_server.image.refusal import check_pixels, damaged, unsupported

# Pillow makes several objects of each strip or tile of an uncompressed image: this
# many cost it 0.4 s and 30 MB.
MAX_PARTS = 1 << 16
# A tile is decoded whole, however small the image is that it belongs to.
MAX_TILE_PIXELS = 1 << 24

# Pillow takes this header for that of a small TIFF.
_BIG_MOTOROLA = b"MM\0+"

# Tags, TIFF 6.0, section 8 and 15.
_WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC = 256, 257, 258, 262
_STRIP_OFFSETS, _STRIP_HEIGHT, _STRIP_LENGTHS = 273, 278, 279
_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_LENGTHS = 322, 323, 324, 325

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


def decode_tiff(data: bytes, max_pixels: int) -> Picture:
    """Decode the first page of a TIFF file, upright: Pillow turns it itself.

    RequestError: IMAGE_TOO_LARGE before a pixel is decoded, CORRUPT_IMAGE.
    """
    if data.startswith(_BIG_MOTOROLA):
        raise unsupported("TIFF", "64-bit offsets in Motorola byte order")
    try:
        directory = Directory.read(data)
        width, height = directory.integer(_WIDTH), directory.integer(_HEIGHT)
        check_pixels(width, height, max_pixels)
        if width < 1 or height < 1:
            raise damaged("TIFF")
        _check_costs(directory)
        _check_parts(directory, width, height)
        bits = directory.integer(_BITS)
        photometric = directory.integer(_PHOTOMETRIC, default=1)
    except ValueError as error:
        raise damaged("TIFF") from error
    if bits == 12:
        raise unsupported("TIFF", "12-bit samples")
    picture = decode_pillow(TiffImageFile, data, "TIFF", max_pixels)
    if bits == 16 and photometric == _WHITE_IS_ZERO:
        # Pillow inverts samples of up to 8 bits, and forgets these.
        return replace(picture, pixels=np.invert(picture.pixels))
    return picture


def _check_costs(directory: Directory) -> None:
    """Refuse strips or tiles that cost far more than the pixels of the image."""
    area = directory.integer(_TILE_WIDTH) * directory.integer(_TILE_HEIGHT)
    if area > MAX_TILE_PIXELS:
        raise unsupported("TIFF", f"tiles of more than {MAX_TILE_PIXELS} pixels")
    for tag in (_STRIP_OFFSETS, _TILE_OFFSETS):
        if directory.integers(tag).size > MAX_PARTS:
            raise unsupported("TIFF", f"more than {MAX_PARTS} strips or tiles")


def _check_parts(directory: Directory, width: int, height: int) -> None:
    """ValueError when the directory, a strip or a tile is missing or cut off.

    Pillow leaves black what has no strip, and would not miss the last few bytes.
    """
    if _TILE_OFFSETS in directory.entries:
        columns = directory.integer(_TILE_WIDTH) or width
        rows = directory.integer(_TILE_HEIGHT) or height
        offsets = directory.integers(_TILE_OFFSETS)
        lengths = directory.integers(_TILE_LENGTHS)
    else:
        columns = width
        rows = directory.integer(_STRIP_HEIGHT) or height
        offsets = directory.integers(_STRIP_OFFSETS)
        lengths = directory.integers(_STRIP_LENGTHS)
    if offsets.size < math.ceil(width / columns) * math.ceil(height / rows):
        raise ValueError("strips or tiles are missing")
    size = len(directory.data)
    if directory.end + directory.offset_size > size:
        raise ValueError("the directory is cut off")
    if lengths.size == 0:
        return  # optional in the first editions of the format
    if lengths.size != offsets.size:
        raise ValueError("strips or tiles without a length")
    if (lengths > size).any() or (offsets > size - lengths).any():
        raise ValueError("strips or tiles are cut off")
