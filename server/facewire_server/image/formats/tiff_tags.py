"""The tags of TIFF files that say how pixels are stored, and what they mean together.

Sources: TIFF 6.0; the tags and codings of libtiff 4.7.
"""

import math

from facewire_server.image.formats.tiff_ifd import Ifd

SUBFILE, OLD_SUBFILE = 254, 255
WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 256, 257, 258, 259, 262
FILL_ORDER, STRIP_OFFSETS, SAMPLES = 266, 273, 277
ROWS_PER_STRIP, STRIP_LENGTHS, PLANAR = 278, 279, 284
COLOUR_MAP = 320
TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_LENGTHS = 322, 323, 324, 325
SAMPLE_FORMAT, SUBSAMPLING = 339, 530
TIFF_EP, DNG = 37398, 50706

UNCOMPRESSED, JPEG = 1, 7
WHITE_IS_ZERO, BLACK_IS_ZERO, PALETTE, YCBCR, CIELAB = 0, 1, 3, 6, 8

_COLOURS = {
    WHITE_IS_ZERO: "grey",
    BLACK_IS_ZERO: "grey",
    2: "RGB",
    PALETTE: "palette",
    4: "mask",
    5: "CMYK",
    YCBCR: "YCbCr",
    CIELAB: "CIELab",
    9: "ICCLab",
    10: "ITULab",
    32844: "LogL",
    32845: "LogLuv",
}
_FORMATS = {1: "", 2: "signed ", 3: "floating-point ", 5: "complex ", 6: "complex "}
_CODINGS = {
    2: "fax",
    3: "fax",
    4: "fax",
    5: "LZW",
    6: "old-style JPEG",
    7: "JPEG",
    8: "Deflate",
    9: "JBIG",
    10: "JBIG",
    32766: "NeXT",
    32773: "PackBits",
    32809: "ThunderScan",
    32946: "Deflate",
    33003: "JPEG 2000",
    33005: "JPEG 2000",
    34661: "JBIG",
    34676: "SGI Log",
    34677: "SGI Log",
    34712: "JPEG 2000",
    34887: "LERC",
    34892: "lossy JPEG",
    34925: "LZMA",
    34933: "PNG",
    34934: "JPEG XR",
    22610: "JPEG XR",
    50000: "Zstandard",
    50001: "WebP",
    50002: "JPEG XL",
    52546: "JPEG XL",
}


def bits_per_sample(directory: Ifd) -> list[int]:
    """The bits of each sample of a pixel, where one value may stand for all."""
    bits = directory.integers(BITS).tolist() or [1]
    samples = directory.integer(SAMPLES, default=len(bits))
    return bits * samples if len(bits) == 1 else bits


def row_bits(directory: Ifd, columns: int) -> int:
    """The bits of `columns` pixels of a row, of one plane, uncompressed.

    Of subsampled YCbCr the mean of the rows that share their colour.
    """
    bits = bits_per_sample(directory)
    if directory.integer(PLANAR) == 2:
        return columns * bits[0]
    if directory.integer(PHOTOMETRIC) != YCBCR:
        return columns * sum(bits)
    shared = directory.integers(SUBSAMPLING).tolist()
    across, down = shared if len(shared) == 2 and all(shared) else (2, 2)
    blocks = math.ceil(columns / across)
    return blocks * (across * down + 2) * bits[0] // down


def describe(directory: Ifd) -> str:
    """What kind of samples a file holds, for people: "32-bit floating-point grey"."""
    photometric = directory.integer(PHOTOMETRIC, default=WHITE_IS_ZERO)
    colours = _COLOURS.get(photometric, f"photometric {photometric}")
    bits = sorted(set(bits_per_sample(directory)))
    formats = directory.integers(SAMPLE_FORMAT).tolist() or [1]
    form = _FORMATS.get(formats[0], "unknown ")
    words = f"{'/'.join(map(str, bits))}-bit {form}{colours} samples"
    if directory.integer(PLANAR) == 2:
        words += " in planes"
    if directory.integer(FILL_ORDER) == 2:
        words += " with their bits in reverse order"
    coding = directory.integer(COMPRESSION, default=UNCOMPRESSED)
    if coding != UNCOMPRESSED:
        words += f", coded as {_CODINGS.get(coding, f'compression {coding}')}"
    return words
