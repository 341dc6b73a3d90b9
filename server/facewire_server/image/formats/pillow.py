"""Pillow as a decoder of files, and its images as 8-bit pixels.

Rule: a format's own class opens the file; Image.open would try others too.

Decoding releases the GIL, but an image leaves Pillow only by copies, one of them
held by the GIL for as long as a row is. Tiles that fit into the cache hold it for
about 1 ms, take a third of np.asarray's time and no memory for a second image. They
are reduced one by one, too: a large image is in memory once, as Pillow has it.
"""

import logging
import math
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from io import BytesIO
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from facewire_server.errors import RequestError
from facewire_server.image.limits import ImageLimits
from facewire_server.image.orientation import swaps_sides
from facewire_server.image.picture import Picture, PixelLayout
from facewire_server.image.reduction import reduce
from facewire_server.image.refusal import blame, unsupported
from facewire_server.image.target import REDUCTIONS, Target

# The limit that callers give us decides. Pillow's own, for the whole process, would
# refuse large TIFF files behind our back.
Image.MAX_IMAGE_PIXELS = None
# What Pillow says of broken metadata is of no use to anybody here: the pixels
# decode, or the caller gets an error.
warnings.filterwarnings("ignore", module=r"PIL\.")
logging.getLogger("PIL").setLevel(logging.CRITICAL)

_TILE_WIDTH = 1 << 16
_TILE_PIXELS = 1 << 18

_GRAY_MODES = frozenset({"1", "L", "LA"})
_RGB_MODES = frozenset({"RGB", "RGBA", "RGBX"})
_OTHER_COLOUR_MODES = frozenset({"P", "PA", "CMYK", "YCbCr"})
_GRAY16_MODES = frozenset({"I;16", "I;16L", "I;16B", "I;16N"})
_MODES = _GRAY_MODES | _RGB_MODES | _OTHER_COLOUR_MODES | _GRAY16_MODES


def decode_pillow(
    plugin: type[ImageFile.ImageFile],
    data: bytes,
    kind: str,
    limits: ImageLimits,
    target: Target | None = None,
    orientation: int = 1,
    samples: str = "",
) -> Picture:
    """Decode the first frame of a file of `kind` ("PNG") by Pillow's class for it.

    `orientation` is what is known of it, and is not looked for. Given the `samples` of
    a file whose header is sound ("32-bit grey samples"), what Pillow does not open is
    not damaged, but not supported. Given a target, the
    picture is reduced, each pixel to the mean of those it stands for.
    RequestError: IMAGE_TOO_LARGE before a pixel is decoded, CORRUPT_IMAGE; MemoryError.
    """
    try:
        with _blaming(kind):
            file = plugin(BytesIO(data))
    except RequestError as error:
        raise unsupported(kind, samples) if samples else error from error.__cause__
    with closing(file):
        limits.check(*file.size)
        with _blaming(kind, math.prod(file.size)):
            file.load()
        # Palettes with transparency would be weighed and warned about; alpha is
        # dropped here anyway.
        file.info.pop("transparency", None)
        # What is in memory: the size of a TIFF is that of the upright image.
        size = file.im.size
        reduction = 1
        if target is not None:
            sides = size[::-1] if swaps_sides(orientation) else size
            reduction = target.reduction(*sides)
        if file.mode not in _MODES:
            raise unsupported(kind, samples or f"pixels of mode {file.mode}")
        pixels, layout = _pixels(file, reduction)
    return Picture(pixels, layout, orientation, reduction, size)


@contextmanager
def _blaming(kind: str, pixels: int = 0) -> Iterator[None]:
    """Turn whatever Pillow raises, and it raises anything, into CORRUPT_IMAGE.

    But for lack of memory, which is a MemoryError.
    """
    try:
        yield
    except Exception as error:
        raise blame(kind, pixels, error) from error


class _Tile(NamedTuple):
    """A part of an image, and where it goes once it is reduced."""

    image: Image.Image
    rows: slice
    columns: slice


def _pixels(image: Image.Image, reduction: int) -> tuple[NDArray[np.uint8], PixelLayout]:
    width, height = image.im.size
    size = (-(-height // reduction), -(-width // reduction))
    if image.mode in _RGB_MODES | _OTHER_COLOUR_MODES:
        pixels, layout, read = np.empty((*size, 3), np.uint8), PixelLayout.BGR, _bgr
    elif image.mode in _GRAY_MODES:
        pixels, layout, read = np.empty(size, np.uint8), PixelLayout.GRAY, _gray
    else:
        pixels, layout, read = np.empty(size, np.uint8), PixelLayout.GRAY, _gray16
    for tile in _tiles(image, reduction):
        reduce(read(tile.image), reduction, pixels[tile.rows, tile.columns])
    return pixels, layout


def _tiles(image: Image.Image, reduction: int) -> Iterator[_Tile]:
    """The image in parts; all but the last have sides that divide by REDUCTIONS."""
    full_width, full_height = image.im.size
    most = max(REDUCTIONS)
    width = min(full_width, _TILE_WIDTH)
    height = max(1, _TILE_PIXELS // width // most) * most
    for top in range(0, full_height, height):
        bottom = min(top + height, full_height)
        for left in range(0, full_width, width):
            right = min(left + width, full_width)
            yield _Tile(
                image.crop((left, top, right, bottom)),
                slice(top // reduction, -(-bottom // reduction)),
                slice(left // reduction, -(-right // reduction)),
            )


def _gray(tile: Image.Image) -> NDArray[np.uint8]:
    return np.asarray(tile.convert("L"))


def _gray16(tile: Image.Image) -> NDArray[np.uint8]:
    return (np.asarray(tile) >> 8).astype(np.uint8)


def _bgr(tile: Image.Image) -> NDArray[np.uint8]:
    """The colours [H,W,3] of a tile of any colour mode, without its alpha."""
    rgb = tile if tile.mode in _RGB_MODES else tile.convert("RGB")
    samples = np.frombuffer(rgb.tobytes("raw", "BGR"), np.uint8)
    return samples.reshape(tile.height, tile.width, 3)
