"""What a TIFF file would cost to decode, looked at before it is."""

from facewire_server.image.formats.compression import DEFLATE, LZW, RUNS, check_possible
from facewire_server.image.formats.tiff_ifd import Ifd
from facewire_server.image.formats.tiff_parts import Grid, Parts
from facewire_server.image.formats.tiff_tags import (
    BITS,
    COMPRESSION,
    JPEG,
    PHOTOMETRIC,
    STRIP_LENGTHS,
    STRIP_OFFSETS,
    TILE_HEIGHT,
    TILE_LENGTHS,
    TILE_OFFSETS,
    TILE_WIDTH,
    UNCOMPRESSED,
    YCBCR,
    bits_per_sample,
)
from facewire_server.image.limits import ImageLimits
from facewire_server.image.refusal import excessive, unsupported

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

_PART_TAGS = (STRIP_OFFSETS, STRIP_LENGTHS, TILE_OFFSETS, TILE_LENGTHS)
_PROFILE, _FIRST_PRIVATE = 34675, 32768

_SCAN = b"\xff\xda"
# The codings that have a bound; fax, JPEG, WebP, LZMA and Zstandard have none, or one
# that is too far away to be of use.
_RATIOS = {UNCOMPRESSED: 1, 5: LZW, 8: DEFLATE, 32946: DEFLATE, 32773: RUNS}


def check_tags(directory: Ifd) -> None:
    """Refuse tags of more values than they can have: CORRUPT_IMAGE.

    Pillow reads them all, but for private ones.
    """
    if directory.count > MAX_ENTRIES:
        raise excessive("TIFF", f"a directory of more than {MAX_ENTRIES} entries")
    for tag, entry in directory.entries.items():
        read = tag < _FIRST_PRIVATE or tag == _PROFILE
        if read and tag not in _PART_TAGS and entry.is_many(MAX_VALUES):
            raise excessive("TIFF", f"more than {MAX_VALUES} values of tag {tag}")
    for tag in (STRIP_OFFSETS, TILE_OFFSETS):
        if directory.integers(tag).size > MAX_PARTS:
            raise excessive("TIFF", f"more than {MAX_PARTS} strips or tiles")
    area = directory.integer(TILE_WIDTH) * directory.integer(TILE_HEIGHT)
    if area > MAX_TILE_PIXELS:
        raise excessive("TIFF", f"tiles of more than {MAX_TILE_PIXELS} pixels")
    samples = len(bits_per_sample(directory))
    if samples > MAX_SAMPLES:
        raise unsupported("TIFF", f"{samples} samples a pixel")


def check_grid(directory: Ifd, grid: Grid, width: int, height: int, limits: ImageLimits) -> None:
    """Refuse strips or tiles that cost far more than the pixels of the image."""
    bits = _bits_per_pixel(directory)
    coding = directory.integer(COMPRESSION, default=UNCOMPRESSED)
    rows = min(grid.rows, height)
    if coding != UNCOMPRESSED and width * rows * bits > 8 * MAX_STRIP_BYTES:
        raise excessive("TIFF", f"strips of more than {MAX_STRIP_BYTES} bytes")
    decoded = grid.across * grid.columns * grid.down * grid.rows
    if decoded > limits.pixels + MAX_TILE_PIXELS:
        raise excessive("TIFF", "tiles far larger than the image")
    if coding in _RATIOS:
        whole = width * height * bits // 8
        check_possible("TIFF", len(directory.data), whole, _RATIOS[coding])


def _bits_per_pixel(directory: Ifd) -> int:
    """Of all samples together, the least that it can be."""
    bits = directory.integers(BITS)
    if directory.integer(PHOTOMETRIC) == YCBCR and bits.size:
        return int(bits[0])  # several pixels may share the other samples
    return sum(bits_per_sample(directory)) or 1


def check_scans(directory: Ifd, parts: Parts, most: int) -> None:
    """Refuse strips or tiles that are JPEGs of more scans than a JPEG may have.

    libtiff allows each of them 100, and they may all be one and the same. Within
    pixels the marker cannot occur, so that looking for its bytes is enough.
    """
    if directory.integer(COMPRESSION) != JPEG:
        return
    pairs = zip(parts.offsets.tolist(), parts.lengths.tolist(), strict=True)
    places = set(pairs)
    if sum(length for _, length in places) > len(directory.data):
        raise ValueError("strips or tiles overlap")
    for offset, length in places:
        if directory.data.count(_SCAN, offset, offset + length) > most:
            raise excessive("TIFF", f"JPEGs of more than {most} scans")
