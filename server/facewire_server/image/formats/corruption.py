"""Corrupt data: more pixels than its coding can hold, or a decoder that fails on it."""

from facewire_server.errors import corrupt_image
from facewire_server.system.memory import is_available, is_lack_of_memory

# The largest compression ratio of each coding, which a white page reaches. No valid file
# exceeds it, so a small file cannot make a decoder allocate much memory.
DEFLATE_RATIO = 1032
"""258 bytes, the longest match, for two codes of one bit each."""

LZW_RATIO = 2560
"""The longest string that the table can hold, 3839 bytes, for a code of 12 bits."""

RLE_RATIO = 128
"""PackBits and the runs of BMP: two bytes for 128 bytes, or for 255 pixels."""

# The most memory that a decoder allocates beside the image, for each pixel and in all:
# libwebp and libtiff keep a second image, LZMA and Zstandard a dictionary.
_PIXEL_BYTES = 8
_DICTIONARY_BYTES = 16 << 20


def check_ratio(kind: str, data_bytes: int, pixel_bytes: int, ratio: int) -> None:
    """Raise RequestError (CORRUPT_IMAGE) when `kind` ("PNG") cannot hold its pixels.

    `data_bytes` of coded data decode to `ratio` times as many bytes at most; the header
    claims `pixel_bytes`.
    """
    if data_bytes * ratio < pixel_bytes:
        raise corrupt_image(kind)


def decode_failure(kind: str, pixels: int, error: Exception | None = None) -> Exception:
    """The error to raise when a decoder fails on a `kind` ("PNG") of `pixels` pixels.

    MemoryError when the decoder lacked memory, else RequestError (CORRUPT_IMAGE). libwebp
    and libtiff fail without a reason when an allocation fails. Therefore a failure counts
    as lack of memory whenever the memory for such an image cannot be allocated now.
    """
    if error is not None and is_lack_of_memory(error):
        return MemoryError()
    if not is_available(pixels * _PIXEL_BYTES + _DICTIONARY_BYTES):
        return MemoryError()
    return corrupt_image(kind)
