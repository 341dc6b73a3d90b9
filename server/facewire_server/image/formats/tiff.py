"""TIFF and BigTIFF files, by Pillow, which decodes them without the GIL.

`tiff_costs` and `tiff_parts` first refuse what would cost too much or is incomplete. Where
decoders need other values in the IFD, they get the file with a new one (`Ifd.rewritten`).
"""

import ctypes
from contextlib import suppress
from dataclasses import replace

import numpy as np
from PIL import Image, _imaging
from PIL.TiffImagePlugin import TiffImageFile

from facewire_server.errors import Reason, RequestError, corrupt_image, unsupported_image
from facewire_server.image.data import Data, as_file
from facewire_server.image.formats.pillow import decode_pillow
from facewire_server.image.formats.tiff_costs import check_grid, check_scans, check_tags
from facewire_server.image.formats.tiff_ifd import (
    COLOUR_MAP,
    COMPRESSION,
    DNG,
    FILL_ORDER,
    HEIGHT,
    OLD_SUBFILE,
    PHOTOMETRIC,
    PLANAR,
    SUBFILE,
    TIFF_EP,
    WIDTH,
    Ifd,
)
from facewire_server.image.formats.tiff_parts import Grid, Parts
from facewire_server.image.formats.tiff_samples import (
    BLACK_IS_ZERO,
    PALETTE,
    UNCOMPRESSED,
    WHITE_IS_ZERO,
    YCBCR,
    bits_per_sample,
    describe_samples,
)
from facewire_server.image.limits import ImageLimits
from facewire_server.image.orientation import orientation_of
from facewire_server.image.picture import Picture
from facewire_server.image.target import Target

# A BigTIFF in Motorola byte order: Pillow takes this header for that of a plain TIFF.
_BIG_MOTOROLA = b"MM\0+"

_PACKBITS = 32773
# Compressions that the libtiff in Pillow's packages supports and Pillow uses: none, fax,
# LZW, JPEG of both kinds, Deflate under both numbers, PackBits, LZMA, Zstandard.
_COMPRESSIONS = frozenset({UNCOMPRESSED, 2, 3, 4, 5, 6, 7, 8, 32946, _PACKBITS, 34925, 50000})

_CANON = b"CR"
# Values of PHOTOMETRIC in raw photos.
_COLOUR_FILTERS, _LINEAR_RAW = 32803, 34892


def _silence_libtiff() -> None:
    """Keep Pillow's libtiff from writing a line to standard error for each error.

    A fax-coded page of noise has an error in every row. Pillow has no option for it, and
    libtiff only these two functions; where a build of Pillow hides them, the lines stay.
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
    """A TIFF file that Pillow opens without EXIF data, and leaves as it is stored.

    Pillow would parse all metadata, and rotate the image upright in a second copy.
    """

    def getexif(self) -> Image.Exif:
        """Return empty EXIF data."""
        return Image.Exif()

    def _setup(self) -> None:
        """Have libtiff decode what Pillow's own code for uncompressed files decodes wrongly.

        Planes of 16 bits and samples with bits in reverse order get wrong colours, and
        YCbCr is never read as subsampled (seen in Pillow 13.0). Pillow leaves every
        compression to libtiff, which reads the real value from the file. So any value but
        "uncompressed" does.
        """
        tags = self.tag_v2
        if tags.get(COMPRESSION, UNCOMPRESSED) == UNCOMPRESSED and (
            tags.get(PLANAR) == 2 or tags.get(FILL_ORDER) == 2 or tags.get(PHOTOMETRIC) == YCBCR
        ):
            tags[COMPRESSION] = _PACKBITS
        super()._setup()


def decode_tiff(data: Data, limits: ImageLimits, target: Target | None) -> Picture:
    """Decode the first page of a TIFF file, with its orientation.

    Reduced as far as `target` allows, if there is one. RequestError: UNSUPPORTED_FORMAT,
    for raw photos among others, IMAGE_TOO_LARGE before a pixel is decoded, CORRUPT_IMAGE.
    """
    try:
        ifd = Ifd.read(as_file(data).getvalue())
        if ifd.end > len(data):
            raise corrupt_image("TIFF")
        _check_raw_photo(ifd)
        width, height = ifd.integer(WIDTH), ifd.integer(HEIGHT)
        limits.check(width, height)
        if width < 1 or height < 1:
            raise corrupt_image("TIFF")
        _check_samples(ifd)
        corrected = _corrected(ifd, width, height, limits)
        samples, is_inverted = describe_samples(ifd), _is_inverted_gray16(ifd)
    except ValueError as error:
        raise corrupt_image("TIFF") from error
    orientation = orientation_of(ifd)
    picture = decode_pillow(_FirstPage, corrected, "TIFF", limits, target, orientation, samples)
    if is_inverted:
        # Pillow inverts samples of up to 8 bits, but not these.
        return replace(picture, pixels=np.invert(picture.pixels))
    return picture


def _check_raw_photo(ifd: Ifd) -> None:
    """Raise RequestError (UNSUPPORTED_FORMAT) for raw photos of cameras, and thumbnails.

    Raw photos (NEF, DNG, CR2, ARW and others) are TIFF files whose first page is a
    thumbnail or the sensor's own pixels. Boxes in a thumbnail would be in the pixels of
    another image than the one that was sent.
    """
    photometric = ifd.integer(PHOTOMETRIC)
    if (
        ifd.data[8:10] == _CANON
        or DNG in ifd.entries
        or TIFF_EP in ifd.entries
        or photometric in (_COLOUR_FILTERS, _LINEAR_RAW)
    ):
        raise RequestError(
            Reason.UNSUPPORTED_FORMAT,
            "the image is a raw photo (DNG, NEF, CR2, ARW or the like), which is not "
            "supported: send the JPEG that belongs to it",
        )
    if ifd.integer(SUBFILE) & 1 or ifd.integer(OLD_SUBFILE) == 2:
        raise RequestError(
            Reason.UNSUPPORTED_FORMAT,
            "the first page of the TIFF file is a thumbnail, as in a raw photo, which "
            "is not supported: send the image itself",
        )


def _check_samples(ifd: Ifd) -> None:
    """Raise RequestError (UNSUPPORTED_FORMAT) for samples that no decoder decodes correctly.

    ValueError when the palette is missing or incomplete.
    """
    bits = bits_per_sample(ifd)
    compression = ifd.integer(COMPRESSION, default=UNCOMPRESSED)
    if 12 in bits or compression not in _COMPRESSIONS:
        raise unsupported_image("TIFF", describe_samples(ifd))
    has_palette = ifd.integer(PHOTOMETRIC) == PALETTE and bits[0] <= 8
    if has_palette and ifd.integers(COLOUR_MAP).size < 3 << bits[0]:
        raise ValueError("the palette is missing or incomplete")


def _corrected(ifd: Ifd, width: int, height: int, limits: ImageLimits) -> bytes:
    """The file with an IFD that decoders read correctly; itself where it has that.

    RequestError for what costs far more than its pixels, ValueError when pixels are
    missing.
    """
    check_tags(ifd)
    grid = Grid.of(ifd, width, height)
    check_grid(ifd, grid, width, height, limits)
    parts = Parts.read(ifd, grid, height)
    check_scans(ifd, parts, limits.scans)
    changes = parts.changes(ifd)
    if ifd.byte_order == ">" and _is_inverted_gray16(ifd):
        changes[PHOTOMETRIC] = [BLACK_IS_ZERO]  # Pillow supports it in Intel byte order only
    if changes or ifd.data.startswith(_BIG_MOTOROLA):
        return ifd.rewritten(changes)
    return ifd.data


def _is_inverted_gray16(ifd: Ifd) -> bool:
    is_inverted = ifd.integer(PHOTOMETRIC, default=BLACK_IS_ZERO) == WHITE_IS_ZERO
    return is_inverted and bits_per_sample(ifd) == [16]
