"""TIFF and BigTIFF files, by Pillow, which decodes them without the GIL.

Pillow believes the directory; what that costs, or hides, is looked at here first.
"""

import ctypes
import math
from contextlib import suppress
from dataclasses import replace

import numpy as np
from PIL import Image, _imaging
from PIL.TiffImagePlugin import TiffImageFile

from facewire_server.image.compression import DEFLATE, LZW, RUNS, check_possible
from facewire_server.image.directory import Directory
from facewire_server.image.orientation import orientation_of
from facewire_server.image.picture import Picture
from facewire_server.image.pillow import decode_pillow
from facewire_server.image.refusal import damaged, unsupported
from facewire_server.image.target import Target
from facewire_server.image_limits import Limits

# Pillow makes several objects of each strip or tile of an uncompressed image: this
# many cost it 0.4 s and 30 MB.
MAX_PARTS = 1 << 16
# A tile is decoded whole, however small the image is that it belongs to.
MAX_TILE_PIXELS = 1 << 24
# libtiff decodes a strip whole, beside the image that it is a part of: 64 megapixels
# of 8-bit colour in one strip, and not of 16 bits with alpha.
MAX_STRIP_BYTES = 1 << 28
# Pillow makes Python's numbers of each tag that it looks at: 3 x 65,536 are the colours
# of a palette of 16 bits.
MAX_VALUES = 3 << 16

# Pillow takes this header for that of a small TIFF.
_BIG_MOTOROLA = b"MM\0+"

# Tags, TIFF 6.0, section 8 and 15.
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_SAMPLES = 277
_STRIP_OFFSETS, _STRIP_HEIGHT, _STRIP_LENGTHS = 273, 278, 279
_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_LENGTHS = 322, 323, 324, 325

_PART_TAGS = (_STRIP_OFFSETS, _STRIP_LENGTHS, _TILE_OFFSETS, _TILE_LENGTHS)

_PROFILE, _FIRST_PRIVATE = 34675, 32768

_WHITE_IS_ZERO, _YCBCR = 0, 6

_UNCOMPRESSED = 1
# The codings that have a bound; fax, JPEG, WebP, LZMA and Zstandard have none, or one
# that is too far away to be of use.
_RATIOS = {_UNCOMPRESSED: 1, 5: LZW, 8: DEFLATE, 32946: DEFLATE, 32773: RUNS}


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


def decode_tiff(data: bytes, limits: Limits, target: Target | None) -> Picture:
    """Decode the first page of a TIFF file, with its orientation.

    No further than `target` needs, when there is one. RequestError: IMAGE_TOO_LARGE
    before a pixel is decoded, CORRUPT_IMAGE.
    """
    if data.startswith(_BIG_MOTOROLA):
        raise unsupported("TIFF", "64-bit offsets in Motorola byte order")
    try:
        directory = Directory.read(data)
        width, height = directory.integer(_WIDTH), directory.integer(_HEIGHT)
        limits.check(width, height)
        if width < 1 or height < 1:
            raise damaged("TIFF")
        _check_values(directory)
        _check_costs(directory, width, height)
        _check_parts(directory, width, height)
        bits = directory.integer(_BITS)
        photometric = directory.integer(_PHOTOMETRIC, default=1)
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


def _check_values(directory: Directory) -> None:
    """Refuse tags of more values than they can have, but for those of the parts."""
    for tag, entry in directory.entries.items():
        read = tag < _FIRST_PRIVATE or tag == _PROFILE
        if read and tag not in _PART_TAGS and entry.is_many(MAX_VALUES):
            raise unsupported("TIFF", f"more than {MAX_VALUES} values of tag {tag}")


def _check_costs(directory: Directory, width: int, height: int) -> None:
    """Refuse strips or tiles that cost far more than the pixels of the image."""
    for tag in (_STRIP_OFFSETS, _TILE_OFFSETS):
        if directory.integers(tag).size > MAX_PARTS:
            raise unsupported("TIFF", f"more than {MAX_PARTS} strips or tiles")
    area = directory.integer(_TILE_WIDTH) * directory.integer(_TILE_HEIGHT)
    if area > MAX_TILE_PIXELS:
        raise unsupported("TIFF", f"tiles of more than {MAX_TILE_PIXELS} pixels")
    bits = _bits_per_pixel(directory)
    coding = directory.integer(_COMPRESSION, default=_UNCOMPRESSED)
    rows = min(directory.integer(_STRIP_HEIGHT) or height, height)
    if coding != _UNCOMPRESSED and width * rows * bits > 8 * MAX_STRIP_BYTES:
        raise unsupported("TIFF", f"strips of more than {MAX_STRIP_BYTES} bytes")
    if coding in _RATIOS:
        whole = width * height * bits // 8
        check_possible("TIFF", len(directory.data), whole, _RATIOS[coding])


def _bits_per_pixel(directory: Directory) -> int:
    """Of all samples together, the least that it can be where the tags do not say."""
    bits = directory.integers(_BITS)
    if directory.integer(_PHOTOMETRIC) == _YCBCR and bits.size:
        return int(bits[0])  # several pixels may share the other samples
    if bits.size == 1:
        return int(bits[0]) * directory.integer(_SAMPLES, default=1)
    return int(bits.sum()) or 1


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
