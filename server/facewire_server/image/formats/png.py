"""PNG files, by Pillow, which decodes them without the GIL.

Pillow gets the parts of a file that make its pixels, and no others: it would inflate
texts and profiles that nobody asked for, and play animations.

Rule: pixels that are missing are refused, not the end of a file. Its last chunks may
be cut off, when all rows are there.
"""

import struct
from collections.abc import Iterator

from PIL.PngImagePlugin import PngImageFile

from facewire_server.image.formats.compression import DEFLATE, check_possible
from facewire_server.image.formats.pillow import decode_pillow
from facewire_server.image.limits import ImageLimits
from facewire_server.image.orientation import read_orientation
from facewire_server.image.picture import Picture
from facewire_server.image.refusal import damaged, excessive, unsupported
from facewire_server.image.target import Target

_MAGIC = b"\x89PNG\r\n\x1a\n"

# 64 megapixels in parts of 8 KiB are 24,000 chunks at most. Pillow walks them in
# Python: this many cost it about 0.3 s.
MAX_CHUNKS = 100_000

_NEEDED = frozenset({b"IHDR", b"PLTE", b"IDAT"})
_END = b"\0\0\0\0IEND\xae\x42\x60\x82"

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
    if data[12:16] == b"CgBI":
        raise unsupported("PNG", "Apple's CgBI variant of the format")
    if len(data) < 33 or data[12:16] != b"IHDR":
        raise damaged("PNG")
    width, height, bits, colour_type = struct.unpack_from(">IIBB", data, 16)
    limits.check(width, height)
    exif, coded, spans = b"", 0, [(0, len(_MAGIC))]
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
    """Kind, start and end of the chunks before the end chunk, as far as they go.

    Of pixels that are cut off, what is there: it ends with the data.
    """
    position = len(_MAGIC)
    for _ in range(MAX_CHUNKS):
        if position + 8 > len(data):
            return
        length, kind = struct.unpack_from(">I4s", data, position)
        end = position + 12 + length
        if kind == b"IEND" or (end > len(data) and kind != b"IDAT"):
            return
        yield kind, position, min(end, len(data))
        position = end
    raise excessive("PNG", f"more than {MAX_CHUNKS} chunks")


def _joined(data: bytes, spans: list[tuple[int, int]]) -> bytes:
    """The file of these chunks and an end; `data` itself where they are all there is.

    What follows the end is not looked at.
    """
    end = spans[-1][1]
    alone = sum(end - start for start, end in spans) == end
    if alone and data[end + 4 : end + 8] == b"IEND":
        return data
    view = memoryview(data)
    *parts, last = (view[start:end] for start, end in spans)
    if len(last) < int.from_bytes(last[:4], "big") + 12 and len(spans) > 1:
        # Cut off: what follows would be taken for pixels. Pillow checks no checksum.
        pixels = last[8:]
        parts.append(memoryview(struct.pack(">I4s", len(pixels), b"IDAT")))
        parts.append(pixels)
        last = memoryview(bytes(4))
    return b"".join([*parts, last, _END])
