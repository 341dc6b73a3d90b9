"""Pillow as a decoder of files, and its images converted to 8-bit pixels.

Rule: a format's own class opens the file; Image.open would try other formats too.

Decoding releases the GIL, but pixels leave Pillow only as copies, which are made with the
GIL held. Copied in tiles that fit into the cache, they hold it for about 1 ms at a time,
take a third of np.asarray's time and no memory for a second image. Each tile is reduced
on its own as well, so that a large image is in memory only once, as Pillow has it.
"""

import logging
import math
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from facewire_server.errors import RequestError, unsupported_image
from facewire_server.image.data import Data, as_file
from facewire_server.image.formats.corruption import decode_failure
from facewire_server.image.formats.opencv import reduce_pixels
from facewire_server.image.limits import ImageLimits
from facewire_server.image.orientation import swaps_sides
from facewire_server.image.picture import Picture, PixelLayout
from facewire_server.image.target import REDUCTIONS, Target

# `ImageLimits` is the only limit. Pillow's own, which is one for the whole process, would
# refuse large TIFF files that are within it.
Image.MAX_IMAGE_PIXELS = None
# Pillow warns of broken metadata, which does not matter here: either the pixels decode,
# or the caller gets an error.
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
    data: Data,
    kind: str,
    limits: ImageLimits,
    target: Target | None = None,
    orientation: int = 1,
    features: str = "",
) -> Picture:
    """Decode the first image of a file of `kind` ("PNG") by Pillow's `plugin` for it.

    `orientation` is that of the file and is not read here. Given the `features` of a file
    whose header is valid ("32-bit grey samples"), a file that Pillow does not open is not
    corrupt but unsupported. Given a target, the picture is reduced, each pixel to the mean
    of those that it stands for. RequestError: IMAGE_TOO_LARGE before a pixel is decoded,
    UNSUPPORTED_FORMAT, CORRUPT_IMAGE; MemoryError.
    """
    try:
        with _translated_errors(kind):
            file = plugin(as_file(data))
    except RequestError as error:
        raise unsupported_image(kind, features) if features else error from error.__cause__
    with closing(file):
        limits.check(*file.size)
        with _translated_errors(kind, math.prod(file.size)):
            file.load()
        # With it, Pillow would examine palettes and warn about them; alpha is dropped
        # here anyway.
        file.info.pop("transparency", None)
        # The size in memory: `file.size` of a TIFF is that of the upright image.
        size = file.im.size
        reduction = 1
        if target is not None:
            sides = size[::-1] if swaps_sides(orientation) else size
            reduction = target.reduction(*sides)
        if file.mode not in _MODES:
            raise unsupported_image(kind, features or f"pixels of mode {file.mode}")
        pixels, layout = _pixels(file, reduction)
    return Picture(pixels, layout, orientation, reduction, size)


@contextmanager
def _translated_errors(kind: str, pixels: int = 0) -> Iterator[None]:
    """Raise RequestError (CORRUPT_IMAGE), or MemoryError, for any error of Pillow.

    Pillow raises errors of any type for files that do not decode.
    """
    try:
        yield
    except Exception as error:
        raise decode_failure(kind, pixels, error) from error


class _Tile(NamedTuple):
    """A part of an image, and its rows and columns in the reduced image."""

    image: Image.Image
    rows: slice
    columns: slice


def _pixels(image: Image.Image, reduction: int) -> tuple[NDArray[np.uint8], PixelLayout]:
    """The pixels [H,W] or [H,W,3] of an image, reduced tile by tile."""
    width, height = image.im.size
    size = (-(-height // reduction), -(-width // reduction))
    if image.mode in _RGB_MODES | _OTHER_COLOUR_MODES:
        pixels, layout, read = np.empty((*size, 3), np.uint8), PixelLayout.BGR, _bgr
    elif image.mode in _GRAY_MODES:
        pixels, layout, read = np.empty(size, np.uint8), PixelLayout.GRAY, _gray
    else:
        pixels, layout, read = np.empty(size, np.uint8), PixelLayout.GRAY, _gray16
    for tile in _tiles(image, reduction):
        reduce_pixels(read(tile.image), reduction, pixels[tile.rows, tile.columns])
    return pixels, layout


def _tiles(image: Image.Image, reduction: int) -> Iterator[_Tile]:
    """The image in tiles; the sides of all but the last are multiples of all REDUCTIONS."""
    full_width, full_height = image.im.size
    multiple = max(REDUCTIONS)
    width = min(full_width, _TILE_WIDTH)
    height = max(1, _TILE_PIXELS // width // multiple) * multiple
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
    """The colours [H,W,3] of a tile of any colour mode, without alpha."""
    rgb = tile if tile.mode in _RGB_MODES else tile.convert("RGB")
    samples = np.frombuffer(rgb.tobytes("raw", "BGR"), np.uint8)
    return samples.reshape(tile.height, tile.width, 3)
