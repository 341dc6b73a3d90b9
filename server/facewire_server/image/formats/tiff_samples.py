"""The samples of TIFF files: their bits, colours and compression.

Sources: TIFF 6.0; the photometric interpretations and compressions of libtiff 4.7.
"""

import math

from facewire_server.image.formats.tiff_ifd import (
    BITS,
    COMPRESSION,
    FILL_ORDER,
    PHOTOMETRIC,
    PLANAR,
    SAMPLE_FORMAT,
    SAMPLES,
    SUBSAMPLING,
    Ifd,
)

# Values of the tag COMPRESSION, and of the tag PHOTOMETRIC.
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
_COMPRESSIONS = {
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


def bits_per_sample(ifd: Ifd) -> list[int]:
    """The bits of each sample of a pixel; a single value in the file stands for all."""
    bits = ifd.integers(BITS).tolist() or [1]
    samples = ifd.integer(SAMPLES, default=len(bits))
    return bits * samples if len(bits) == 1 else bits


def row_bits(ifd: Ifd, columns: int) -> int:
    """The bits of `columns` pixels of a row, of one plane, uncompressed.

    For subsampled YCbCr the mean of the rows that share chroma samples.
    """
    bits = bits_per_sample(ifd)
    if ifd.integer(PLANAR) == 2:
        return columns * bits[0]
    if ifd.integer(PHOTOMETRIC) != YCBCR:
        return columns * sum(bits)
    factors = ifd.integers(SUBSAMPLING).tolist()
    across, down = factors if len(factors) == 2 and all(factors) else (2, 2)
    blocks = math.ceil(columns / across)
    return blocks * (across * down + 2) * bits[0] // down


def describe_samples(ifd: Ifd) -> str:
    """Describe the samples for a message: "32-bit floating-point grey samples"."""
    photometric = ifd.integer(PHOTOMETRIC, default=WHITE_IS_ZERO)
    colours = _COLOURS.get(photometric, f"photometric {photometric}")
    bits = sorted(set(bits_per_sample(ifd)))
    formats = ifd.integers(SAMPLE_FORMAT).tolist() or [1]
    sample_format = _FORMATS.get(formats[0], "unknown ")
    words = f"{'/'.join(map(str, bits))}-bit {sample_format}{colours} samples"
    if ifd.integer(PLANAR) == 2:
        words += " in planes"
    if ifd.integer(FILL_ORDER) == 2:
        words += " with their bits in reverse order"
    compression = ifd.integer(COMPRESSION, default=UNCOMPRESSED)
    if compression != UNCOMPRESSED:
        words += f", coded as {_COMPRESSIONS.get(compression, f'compression {compression}')}"
    return words
