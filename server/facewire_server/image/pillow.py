"""Pillow as a decoder of files, and its images as 8-bit pixels.

Rule: a format's own class opens the file; Image.open would try others too.

Decoding releases the GIL, but an image leaves Pillow only by copies, one of them
held by the GIL for as long as a row is. Tiles that fit into the cache hold it for
about 1 ms, take a third of np.asarray's time and no memory for a second image.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from facewire_server.image.picture import Picture, PixelLayout
from facewire_server.image.refusal import check_pixels, damaged, unsupported

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


def decode_pillow(
    plugin: type[ImageFile.ImageFile], data: bytes, kind: str, max_pixels: int
) -> Picture:
    """Decode the first frame of a file of `kind` ("PNG") by Pillow's class for it.

    RequestError: IMAGE_TOO_LARGE before a pixel is decoded, CORRUPT_IMAGE.
    """
    with _blaming(kind):
        file = plugin(BytesIO(data))
    with closing(file):
        check_pixels(*file.size, max_pixels)
        with _blaming(kind):
            file.load()
        # Palettes with transparency would be weighed and warned about; alpha is
        # dropped here anyway.
        file.info.pop("transparency", None)
        return _picture(file, kind)


@contextmanager
def _blaming(kind: str) -> Iterator[None]:
    """Turn whatever Pillow raises, and it raises anything, into CORRUPT_IMAGE."""
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:
        raise damaged(kind) from error


def _picture(image: Image.Image, kind: str) -> Picture:
    size = (image.height, image.width)
    if image.mode in _RGB_MODES | _OTHER_COLOUR_MODES:
        colour = np.empty((*size, 3), np.uint8)
        for place, tile in _tiles(image):
            colour[place] = _bgr(tile)
        return Picture(colour, PixelLayout.BGR)
    gray = np.empty(size, np.uint8)
    if image.mode in _GRAY_MODES:
        for place, tile in _tiles(image):
            gray[place] = np.asarray(tile.convert("L"))
    elif image.mode.startswith("I;16"):
        for place, tile in _tiles(image):
            gray[place] = np.asarray(tile) >> 8
    else:
        raise unsupported(kind, f"samples of Pillow's mode {image.mode}")
    return Picture(gray, PixelLayout.GRAY)


def _tiles(image: Image.Image) -> Iterator[tuple[tuple[slice, slice], Image.Image]]:
    """The image in parts, each with its rows and columns."""
    width = min(image.width, _TILE_WIDTH)
    height = max(1, _TILE_PIXELS // width)
    for top in range(0, image.height, height):
        bottom = min(top + height, image.height)
        for left in range(0, image.width, width):
            right = min(left + width, image.width)
            tile = image.crop((left, top, right, bottom))
            yield (slice(top, bottom), slice(left, right)), tile


def _bgr(tile: Image.Image) -> NDArray[np.uint8]:
    """The colours [H,W,3] of a tile of any colour mode, without its alpha."""
    rgb = tile if tile.mode in _RGB_MODES else tile.convert("RGB")
    samples = np.frombuffer(rgb.tobytes("raw", "BGR"), np.uint8)
    return samples.reshape(tile.height, tile.width, 3)
