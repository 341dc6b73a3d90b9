"""The strips and tiles of a TIFF file: all there, and no more than its pixels need.

Pillow believes the directory; what that costs, or hides, is looked at here first.
"""

import math

from facewire_server.image.compression import DEFLATE, LZW, RUNS, check_possible
from facewire_server.image.directory import Directory
from facewire_server.image.refusal import excessive
from facewire_server.image_limits import ImageLimits

# Pillow makes several objects of each strip or tile of an uncompressed image: this
# many cost it 0.4 s and 30 MB.
MAX_PARTS = 1 << 16
# A tile is decoded whole, however small the image is that it belongs to.
MAX_TILE_PIXELS = 1 << 24
# In planes of their own, each has its strips; Pillow knows up to 6 (CMYK and two more).
MAX_SAMPLES = 6
# libtiff decodes a strip whole, beside the image that it is a part of: 64 megapixels
# of 8-bit colour in one strip, and not of 16 bits with alpha.
MAX_STRIP_BYTES = 1 << 28
# Pillow makes Python's numbers of each tag that it looks at: 3 x 65,536 are the colours
# of a palette of 16 bits.
MAX_VALUES = 3 << 16
# Cameras write about 60, microscopes some 100.
MAX_ENTRIES = 1000

# Tags, TIFF 6.0, section 8 and 15.
WIDTH, HEIGHT, BITS, _COMPRESSION, PHOTOMETRIC = 256, 257, 258, 259, 262
_SAMPLES = 277
_STRIP_OFFSETS, _STRIP_HEIGHT, _STRIP_LENGTHS = 273, 278, 279
_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_LENGTHS = 322, 323, 324, 325

_PART_TAGS = (_STRIP_OFFSETS, _STRIP_LENGTHS, _TILE_OFFSETS, _TILE_LENGTHS)

_PROFILE, _FIRST_PRIVATE = 34675, 32768

_YCBCR = 6

_UNCOMPRESSED, _JPEG = 1, 7
_SCAN = b"\xff\xda"
# The codings that have a bound; fax, JPEG, WebP, LZMA and Zstandard have none, or one
# that is too far away to be of use.
_RATIOS = {_UNCOMPRESSED: 1, 5: LZW, 8: DEFLATE, 32946: DEFLATE, 32773: RUNS}


def check_parts(
    directory: Directory, width: int, height: int, limits: ImageLimits
) -> None:
    """Refuse an image of these sides, at least 1, that Pillow would make too much of.

    RequestError (CORRUPT_IMAGE) for what costs far more than its pixels, ValueError
    for what is broken.
    """
    if directory.count > MAX_ENTRIES:
        raise excessive("TIFF", f"a directory of more than {MAX_ENTRIES} entries")
    _check_values(directory)
    _check_costs(directory, width, height)
    _check_parts(directory, width, height, limits.pixels)
    _check_scans(directory, limits.scans)


def _check_values(directory: Directory) -> None:
    """Refuse tags of more values than they can have, but for those of the parts."""
    for tag, entry in directory.entries.items():
        read = tag < _FIRST_PRIVATE or tag == _PROFILE
        if read and tag not in _PART_TAGS and entry.is_many(MAX_VALUES):
            raise excessive("TIFF", f"more than {MAX_VALUES} values of tag {tag}")


def _check_costs(directory: Directory, width: int, height: int) -> None:
    """Refuse strips or tiles that cost far more than the pixels of the image."""
    for tag in (_STRIP_OFFSETS, _TILE_OFFSETS):
        if directory.integers(tag).size > MAX_PARTS:
            raise excessive("TIFF", f"more than {MAX_PARTS} strips or tiles")
    area = directory.integer(_TILE_WIDTH) * directory.integer(_TILE_HEIGHT)
    if area > MAX_TILE_PIXELS:
        raise excessive("TIFF", f"tiles of more than {MAX_TILE_PIXELS} pixels")
    bits = _bits_per_pixel(directory)
    coding = directory.integer(_COMPRESSION, default=_UNCOMPRESSED)
    rows = min(directory.integer(_STRIP_HEIGHT) or height, height)
    if coding != _UNCOMPRESSED and width * rows * bits > 8 * MAX_STRIP_BYTES:
        raise excessive("TIFF", f"strips of more than {MAX_STRIP_BYTES} bytes")
    if coding in _RATIOS:
        whole = width * height * bits // 8
        check_possible("TIFF", len(directory.data), whole, _RATIOS[coding])


def _bits_per_pixel(directory: Directory) -> int:
    """Of all samples together, the least that it can be where the tags do not say."""
    bits = directory.integers(BITS)
    if directory.integer(PHOTOMETRIC) == _YCBCR and bits.size:
        return int(bits[0])  # several pixels may share the other samples
    if bits.size == 1:
        return int(bits[0]) * directory.integer(_SAMPLES, default=1)
    return int(bits.sum()) or 1


def _check_parts(
    directory: Directory, width: int, height: int, most_pixels: int
) -> None:
    """ValueError when the directory, a strip or a tile is missing or cut off.

    Pillow leaves black what has no strip, and would not miss the last few bytes. What
    is there twice it decodes twice, and what tiles hold outside the image, too.
    """
    if _TILE_OFFSETS in directory.entries:
        columns = directory.integer(_TILE_WIDTH) or width
        rows = directory.integer(_TILE_HEIGHT) or height
        offsets = directory.integers(_TILE_OFFSETS)
        lengths = directory.integers(_TILE_LENGTHS)
    else:
        columns = width
        rows = min(directory.integer(_STRIP_HEIGHT) or height, height)
        offsets = directory.integers(_STRIP_OFFSETS)
        lengths = directory.integers(_STRIP_LENGTHS)
    across, down = math.ceil(width / columns), math.ceil(height / rows)
    if offsets.size < across * down:
        raise ValueError("strips or tiles are missing")
    samples = min(directory.integer(_SAMPLES, default=1), MAX_SAMPLES)
    if offsets.size > across * down * samples:
        raise ValueError("there are more strips or tiles than pixels for them")
    if across * columns * down * rows > most_pixels + MAX_TILE_PIXELS:
        raise excessive("TIFF", "tiles far larger than the image")
    size = len(directory.data)
    if directory.end + directory.offset_size > size:
        raise ValueError("the directory is cut off")
    if lengths.size == 0:
        return  # optional in the first editions of the format
    if lengths.size != offsets.size:
        raise ValueError("strips or tiles without a length")
    if (lengths > size).any() or (offsets > size - lengths).any():
        raise ValueError("strips or tiles are cut off")


def _check_scans(directory: Directory, most: int) -> None:
    """Refuse strips or tiles that are JPEGs of more scans than a JPEG may have.

    libtiff allows each of them 100, and they may all be one and the same. Within
    pixels the marker cannot occur, so that looking for its bytes is enough.
    """
    if directory.integer(_COMPRESSION) != _JPEG:
        return
    tiled = _TILE_OFFSETS in directory.entries
    offsets = directory.integers(_TILE_OFFSETS if tiled else _STRIP_OFFSETS)
    lengths = directory.integers(_TILE_LENGTHS if tiled else _STRIP_LENGTHS)
    if lengths.size != offsets.size:
        raise ValueError("strips or tiles without a length")
    parts = set(zip(offsets.tolist(), lengths.tolist(), strict=True))
    if sum(length for _, length in parts) > len(directory.data):
        raise ValueError("strips or tiles overlap")
    for offset, length in parts:
        if directory.data.count(_SCAN, offset, offset + length) > most:
            raise excessive("TIFF", f"JPEGs of more than {most} scans")
