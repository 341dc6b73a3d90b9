"""TIFF and BigTIFF files, by Pillow, which decodes them without the GIL.

What makes it dear `tiff_costs` looks at first, what is missing `tiff_parts`. Where a
directory says something else than decoders need, they get another (`tiff_rewrite`).
"""

import ctypes
from contextlib import suppress
from dataclasses import replace

import numpy as np
from PIL import Image, _imaging
from PIL.TiffImagePlugin import TiffImageFile

from facewire_server.image.formats.pillow import decode_pillow
from facewire_server.image.formats.tiff_costs import check_grid, check_scans, check_tags
from facewire_server.image.formats.tiff_ifd import Ifd
from facewire_server.image.formats.tiff_parts import Grid, Parts
from facewire_server.image.formats.tiff_photo import check_photo
from facewire_server.image.formats.tiff_rewrite import rewrite
from facewire_server.image.formats.tiff_tags import (
    BLACK_IS_ZERO,
    COLOUR_MAP,
    COMPRESSION,
    FILL_ORDER,
    HEIGHT,
    PALETTE,
    PHOTOMETRIC,
    PLANAR,
    UNCOMPRESSED,
    WHITE_IS_ZERO,
    WIDTH,
    YCBCR,
    bits_per_sample,
    describe,
)
from facewire_server.image.limits import ImageLimits
from facewire_server.image.orientation import orientation_of
from facewire_server.image.picture import Picture
from facewire_server.image.refusal import damaged, unsupported
from facewire_server.image.target import Target

# Pillow takes this header for that of a small TIFF.
_BIG_MOTOROLA = b"MM\0+"

_PACKBITS = 32773
# What the libtiff in Pillow's packages knows and Pillow asks it for: none, fax, LZW,
# JPEG of both kinds, Deflate under both numbers, PackBits, LZMA, Zstandard.
_CODINGS = frozenset({UNCOMPRESSED, 2, 3, 4, 5, 6, 7, 8, 32946, _PACKBITS, 34925, 50000})


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

    def _setup(self) -> None:
        """Leave to libtiff what Pillow reads wrongly by itself.

        Uncompressed planes of 16 bits come out as other colours, those with bits in
        reverse order, too, and YCbCr is never taken for subsampled (seen in Pillow
        13.0). Pillow leaves every coding but none to libtiff, which reads for itself
        which one it is.
        """
        tags = self.tag_v2
        if tags.get(COMPRESSION, UNCOMPRESSED) == UNCOMPRESSED and (
            tags.get(PLANAR) == 2 or tags.get(FILL_ORDER) == 2 or tags.get(PHOTOMETRIC) == YCBCR
        ):
            tags[COMPRESSION] = _PACKBITS
        super()._setup()


def decode_tiff(data: bytes, limits: ImageLimits, target: Target | None) -> Picture:
    """Decode the first page of a TIFF file, with its orientation.

    No further than `target` needs, when there is one. RequestError: UNSUPPORTED_FORMAT
    for raw photos, IMAGE_TOO_LARGE before a pixel is decoded, CORRUPT_IMAGE.
    """
    try:
        directory = Ifd.read(data)
        if directory.end > len(data):
            raise damaged("TIFF")
        check_photo(directory)
        width, height = directory.integer(WIDTH), directory.integer(HEIGHT)
        limits.check(width, height)
        if width < 1 or height < 1:
            raise damaged("TIFF")
        _check_samples(directory)
        sound = _sound(directory, width, height, limits)
        samples, inverted = describe(directory), _is_inverted_gray16(directory)
    except ValueError as error:
        raise damaged("TIFF") from error
    turned = orientation_of(directory)
    picture = decode_pillow(_FirstPage, sound, "TIFF", limits, target, turned, samples)
    if inverted:
        # Pillow inverts samples of up to 8 bits, and forgets these.
        return replace(picture, pixels=np.invert(picture.pixels))
    return picture


def _check_samples(directory: Ifd) -> None:
    """Refuse samples that no decoder reads rightly; ValueError without a palette."""
    bits = bits_per_sample(directory)
    coding = directory.integer(COMPRESSION, default=UNCOMPRESSED)
    if 12 in bits or coding not in _CODINGS:
        raise unsupported("TIFF", describe(directory))
    is_mapped = directory.integer(PHOTOMETRIC) == PALETTE and bits[0] <= 8
    if is_mapped and directory.integers(COLOUR_MAP).size < 3 << bits[0]:
        raise ValueError("there is no palette, or not all of it")


def _sound(directory: Ifd, width: int, height: int, limits: ImageLimits) -> bytes:
    """The file as decoders understand it: itself, if its directory says all.

    RequestError for what costs far more than its pixels, ValueError for what is
    missing.
    """
    check_tags(directory)
    grid = Grid.of(directory, width, height)
    check_grid(directory, grid, width, height, limits)
    parts = Parts.read(directory, grid, height)
    check_scans(directory, parts, limits.scans)
    changes = parts.changes(directory)
    if directory.order == ">" and _is_inverted_gray16(directory):
        changes[PHOTOMETRIC] = [BLACK_IS_ZERO]  # Pillow knows it of Intel's order only
    if changes or directory.data.startswith(_BIG_MOTOROLA):
        return rewrite(directory, changes)
    return directory.data


def _is_inverted_gray16(directory: Ifd) -> bool:
    inverted = directory.integer(PHOTOMETRIC, default=BLACK_IS_ZERO) == WHITE_IS_ZERO
    return inverted and bits_per_sample(directory) == [16]
