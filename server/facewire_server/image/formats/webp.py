"""WebP files, by OpenCV: Pillow holds the GIL for 800 ms on 64 megapixels.

Rule: missing pixels are refused, a wrong length in the header of the file is not.
"""

import struct
from dataclasses import replace

from facewire_server.errors import corrupt_image
from facewire_server.image.data import Data
from facewire_server.image.formats.opencv import decode_opencv
from facewire_server.image.limits import ImageLimits
from facewire_server.image.orientation import read_orientation
from facewire_server.image.picture import Picture
from facewire_server.image.target import Target

_EXIF_FLAG = 0x08

# An animation has one chunk for each image, before its EXIF data.
_MAX_CHUNKS = 10_000


def is_webp(data: bytes) -> bool:
    """Whether the data starts as a WebP file."""
    return data.startswith(b"RIFF") and data[8:12] == b"WEBP"


def decode_webp(data: Data, limits: ImageLimits, target: Target | None) -> Picture:
    """Decode a WebP file (of an animated one the first image), with its orientation.

    `target` is ignored: OpenCV cannot decode to fewer pixels.
    RequestError: IMAGE_TOO_LARGE before a pixel is decoded, CORRUPT_IMAGE.
    """
    if len(data) < 30:
        raise corrupt_image("WebP")
    width, height = _size(data)
    limits.check(width, height)
    corrected = _with_true_length(data)
    picture = decode_opencv(corrected, "WebP", width * height)
    return replace(picture, orientation=read_orientation(_exif(corrected)))


def _with_true_length(data: Data) -> Data:
    """The file with the length of its chunks in its header; `data` itself if it has it.

    Some writers omit the padding of the last chunk, or do not write the length at all;
    libwebp refuses both. A chunk that is cut off is left out: if it held the pixels,
    decoding fails.
    """
    claimed = int.from_bytes(data[4:8], "little") + 8
    position = 12
    for _ in range(_MAX_CHUNKS):
        if position == claimed or position + 8 > len(data):
            break
        (length,) = struct.unpack_from("<I", data, position + 4)
        if position + 8 + length > len(data):
            break
        position += 8 + length + length % 2
    if position == claimed <= len(data):
        return data
    padding = bytes(position - len(data)) if position > len(data) else b""
    header = b"RIFF" + struct.pack("<I", position - 8)
    return b"".join([header, memoryview(data)[8:position], padding])


def _size(data: Data) -> tuple[int, int]:
    """Width and height, from the first chunk (RFC 9649, sections 2.5 to 2.7)."""
    kind = data[12:16]
    if kind == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L" and data[20] == 0x2F:
        (sizes,) = struct.unpack_from("<I", data, 21)
        return (sizes & 0x3FFF) + 1, (sizes >> 14 & 0x3FFF) + 1
    if kind == b"VP8X":
        width = int.from_bytes(data[24:27], "little") + 1
        height = int.from_bytes(data[27:30], "little") + 1
        return width, height
    raise corrupt_image("WebP")


def _exif(data: Data) -> bytes:
    """The EXIF data of a file that has been decoded; empty when there is none."""
    if data[12:16] != b"VP8X" or not data[20] & _EXIF_FLAG:
        return b""
    position = 12
    for _ in range(_MAX_CHUNKS):
        if position + 8 > len(data):
            break
        kind, length = struct.unpack_from("<4sI", data, position)
        if kind == b"EXIF":
            return bytes(data[position + 8 : position + 8 + length])
        position += 8 + length + length % 2
    return b""
