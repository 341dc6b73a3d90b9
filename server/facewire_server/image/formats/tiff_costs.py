"""Refuse a TIFF file that would cost far more than its pixels, before it is decoded."""

from facewire_server.errors import excessive_image, unsupported_image
from facewire_server.image.formats.corruption import (
    DEFLATE_RATIO,
    LZW_RATIO,
    RLE_RATIO,
    check_ratio,
)
from facewire_server.image.formats.tiff_ifd import (
    BITS,
    COMPRESSION,
    PHOTOMETRIC,
    STRIP_LENGTHS,
    STRIP_OFFSETS,
    TILE_HEIGHT,
    TILE_LENGTHS,
    TILE_OFFSETS,
    TILE_WIDTH,
    Ifd,
)
from facewire_server.image.formats.tiff_parts import Grid, Parts
from facewire_server.image.formats.tiff_samples import (
    JPEG,
    UNCOMPRESSED,
    YCBCR,
    bits_per_sample,
)
from facewire_server.image.limits import ImageLimits

# Pillow makes several objects for each strip or tile of an uncompressed image: this many
# take it 0.4 s and 30 MB.
MAX_PARTS = 1 << 16
# A tile is decoded whole, even if the image is smaller.
MAX_TILE_PIXELS = 1 << 24
# In planar files each sample has its own strips; Pillow supports up to 6 (CMYK and two
# more).
MAX_SAMPLES = 6
# libtiff decodes a strip whole, into memory beside the image. This is enough for 64
# megapixels of 8-bit colour in one strip, not for 16 bits with alpha.
MAX_STRIP_BYTES = 1 << 28
# Pillow makes Python numbers of all values of a tag that it reads: a palette for 16 bits
# has 3 x 65,536.
MAX_VALUES = 3 << 16
# Cameras write about 60 entries, microscopes some 100.
MAX_IFD_ENTRIES = 1000

_PART_TAGS = (STRIP_OFFSETS, STRIP_LENGTHS, TILE_OFFSETS, TILE_LENGTHS)
_PROFILE, _FIRST_PRIVATE = 34675, 32768

_SCAN = b"\xff\xda"
# Compressions with a largest ratio. Fax, JPEG, WebP, LZMA and Zstandard have none, or one
# that is too large to be useful.
_RATIOS = {
    UNCOMPRESSED: 1,
    5: LZW_RATIO,
    8: DEFLATE_RATIO,
    32946: DEFLATE_RATIO,
    32773: RLE_RATIO,
}


def check_tags(ifd: Ifd) -> None:
    """Raise RequestError for tags with more values than valid files have.

    CORRUPT_IMAGE, or UNSUPPORTED_FORMAT for too many samples. Pillow reads the values of
    all tags but private ones.
    """
    if ifd.claimed_count > MAX_IFD_ENTRIES:
        raise excessive_image("TIFF", f"a directory of more than {MAX_IFD_ENTRIES} entries")
    for tag, entry in ifd.entries.items():
        is_read = tag < _FIRST_PRIVATE or tag == _PROFILE
        if is_read and tag not in _PART_TAGS and entry.has_more_than(MAX_VALUES):
            raise excessive_image("TIFF", f"more than {MAX_VALUES} values of tag {tag}")
    for tag in (STRIP_OFFSETS, TILE_OFFSETS):
        if ifd.integers(tag).size > MAX_PARTS:
            raise excessive_image("TIFF", f"more than {MAX_PARTS} strips or tiles")
    area = ifd.integer(TILE_WIDTH) * ifd.integer(TILE_HEIGHT)
    if area > MAX_TILE_PIXELS:
        raise excessive_image("TIFF", f"tiles of more than {MAX_TILE_PIXELS} pixels")
    samples = len(bits_per_sample(ifd))
    if samples > MAX_SAMPLES:
        raise unsupported_image("TIFF", f"{samples} samples a pixel")


def check_grid(ifd: Ifd, grid: Grid, width: int, height: int, limits: ImageLimits) -> None:
    """Raise RequestError (CORRUPT_IMAGE) for strips or tiles far larger than the image."""
    bits = _bits_per_pixel(ifd)
    compression = ifd.integer(COMPRESSION, default=UNCOMPRESSED)
    rows = min(grid.rows, height)
    if compression != UNCOMPRESSED and width * rows * bits > 8 * MAX_STRIP_BYTES:
        raise excessive_image("TIFF", f"strips of more than {MAX_STRIP_BYTES} bytes")
    decoded_pixels = grid.across * grid.columns * grid.down * grid.rows
    if decoded_pixels > limits.pixels + MAX_TILE_PIXELS:
        raise excessive_image("TIFF", "tiles far larger than the image")
    if compression in _RATIOS:
        pixel_bytes = width * height * bits // 8
        check_ratio("TIFF", len(ifd.data), pixel_bytes, _RATIOS[compression])


def _bits_per_pixel(ifd: Ifd) -> int:
    """The fewest bits that all samples of a pixel can have together."""
    bits = ifd.integers(BITS)
    if ifd.integer(PHOTOMETRIC) == YCBCR and bits.size:
        return int(bits[0])  # several pixels may share chroma samples
    return sum(bits_per_sample(ifd)) or 1


def check_scans(ifd: Ifd, parts: Parts, max_scans: int) -> None:
    """Raise RequestError (CORRUPT_IMAGE) for JPEG strips or tiles of too many scans.

    ValueError for strips or tiles that overlap. libtiff allows 100 scans in each of them,
    and thousands may share the same bytes. The marker of a scan cannot occur in coded
    data, so counting its bytes is enough.
    """
    if ifd.integer(COMPRESSION) != JPEG:
        return
    spans = set(zip(parts.offsets.tolist(), parts.lengths.tolist(), strict=True))
    if sum(length for _, length in spans) > len(ifd.data):
        raise ValueError("strips or tiles overlap")
    for offset, length in spans:
        if ifd.data.count(_SCAN, offset, offset + length) > max_scans:
            raise excessive_image("TIFF", f"JPEGs of more than {max_scans} scans")
