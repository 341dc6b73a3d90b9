"""PNG files, by Pillow, which decodes them without the GIL."""

import struct
from dataclasses import replace

from PIL.PngImagePlugin import PngImageFile

from facewire_server.image.orientation import read_orientation
from facewire_server.image.picture import Picture
from facewire_server.image.pillow import decode_pillow
from facewire_server.image.refusal import check_pixels, damaged, unsupported

_MAGIC = b"\x89PNG\r\n\x1a\n"

# 64 megapixels in parts of 8 KiB are 24,000 chunks at most. Pillow walks them in
# Python: this many cost it about 0.3 s.
MAX_CHUNKS = 100_000


def is_png(data: bytes) -> bool:
    """Whether the data starts as a PNG file."""
    return data.startswith(_MAGIC)


def decode_png(data: bytes, max_pixels: int) -> Picture:
    """Decode a PNG file (of an animated one the first frame), with its orientation.

    RequestError: IMAGE_TOO_LARGE before a pixel is decoded, CORRUPT_IMAGE.
    """
    if len(data) < 24 or data[12:16] != b"IHDR":
        raise damaged("PNG")
    width, height = struct.unpack_from(">II", data, 16)
    check_pixels(width, height, max_pixels)
    exif = _exif(data)
    picture = decode_pillow(PngImageFile, data, "PNG", max_pixels)
    return replace(picture, orientation=read_orientation(exif))


def _exif(data: bytes) -> bytes:
    """The EXIF data, empty when there is none; the file must have its end chunk.

    Pillow would not miss an end that is cut off behind the last pixel.
    """
    exif = b""
    position = len(_MAGIC)
    for _ in range(MAX_CHUNKS):
        if position + 12 > len(data):
            raise damaged("PNG")
        length, kind = struct.unpack_from(">I4s", data, position)
        end = position + 12 + length
        if end > len(data):
            raise damaged("PNG")
        if kind == b"IEND":
            return exif
        if kind == b"eXIf":
            exif = data[position + 8 : end - 4]
        position = end
    raise unsupported("PNG", f"more than {MAX_CHUNKS} chunks")
