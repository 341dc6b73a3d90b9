"""PNG files, by Pillow, which decodes them without the GIL.

Pillow gets the parts of a file that make its pixels, and no others: it would inflate
texts and profiles that nobody asked for, and play animations.
"""

import struct
from collections.abc import Iterator

from PIL.PngImagePlugin import PngImageFile

from facewire_server.image.compression import DEFLATE, check_possible
from facewire_server.image.orientation import read_orientation
from facewire_server.image.picture import Picture
from facewire_server.image.pillow import decode_pillow
from facewire_server.image.refusal import damaged, excessive
from facewire_server.image.target import Target
from facewire_server.image_limits import ImageLimits

_MAGIC = b"\x89PNG\r\n\x1a\n"

# 64 megapixels in parts of 8 KiB are 24,000 chunks at most. Pillow walks them in
# Python: this many cost it about 0.3 s.
MAX_CHUNKS = 100_000

_NEEDED = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND"})

# By colour type, in PNG (third edition), section 11.2.1.
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def is_png(data: bytes) -> bool:
    """Whether the data starts as a PNG file."""
    return data.startswith(_MAGIC)


def decode_png(data: bytes, limits: ImageLimits, target: Target | None) -> Picture:
    """Decode a PNG file (of an animated one the still image), with its orientation.

    No further than `target` needs, when there is one. RequestError: IMAGE_TOO_LARGE
    before a pixel is decoded, CORRUPT_IMAGE.
    """
    if len(data) < 26 or data[12:16] != b"IHDR":
        raise damaged("PNG")
    width, height, bits, colour_type = struct.unpack_from(">IIBB", data, 16)
    limits.check(width, height)
    exif, coded, spans = b"", 0, []
    for kind, start, end in _chunks(data):
        if kind in _NEEDED:
            spans.append((start, end))
        if kind == b"IDAT":
            coded += end - start - 12
        elif kind == b"eXIf":
            exif = data[start + 8 : end - 4]
    pixels = width * height * _SAMPLES.get(colour_type, 1) * bits // 8
    check_possible("PNG", coded, pixels, DEFLATE)
    return decode_pillow(
        PngImageFile,
        _joined(data, spans),
        "PNG",
        limits,
        target,
        read_orientation(exif),
    )


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and end of the chunks; the file must have its end chunk.

    Pillow would not miss an end that is cut off behind the last pixel.
    """
    position = len(_MAGIC)
    for _ in range(MAX_CHUNKS):
        if position + 12 > len(data):
            raise damaged("PNG")
        length, kind = struct.unpack_from(">I4s", data, position)
        end = position + 12 + length
        if end > len(data):
            raise damaged("PNG")
        yield kind, position, end
        if kind == b"IEND":
            return
        position = end
    raise excessive("PNG", f"more than {MAX_CHUNKS} chunks")


def _joined(data: bytes, spans: list[tuple[int, int]]) -> bytes:
    """The file of these chunks; `data` itself where they are all there is."""
    if sum(end - start for start, end in spans) == spans[-1][1] - len(_MAGIC):
        return data
    view = memoryview(data)
    return b"".join([_MAGIC, *(view[start:end] for start, end in spans)])
