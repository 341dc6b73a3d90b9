"""PNG files, by Pillow, which decodes them without the GIL.

Pillow gets only the chunks that make the pixels. From a whole file it would also inflate
texts and colour profiles, which no request needs, and open animations.

Rule: missing pixels are refused, a missing end of the file is not. The last chunks may
be cut off when all rows are there.
"""

import struct
from collections.abc import Iterator

from PIL.PngImagePlugin import PngImageFile

from facewire_server.errors import corrupt_image, excessive_image, unsupported_image
from facewire_server.image.data import Data
from facewire_server.image.formats.corruption import DEFLATE_RATIO, check_ratio
from facewire_server.image.formats.pillow import decode_pillow
from facewire_server.image.limits import ImageLimits
from facewire_server.image.orientation import read_orientation
from facewire_server.image.picture import Picture
from facewire_server.image.target import Target

_SIGNATURE = b"\x89PNG\r\n\x1a\n"

# 64 megapixels in chunks of 8 KiB are 24,000 chunks at most. Pillow walks them in
# Python: this many take it about 0.3 s.
MAX_CHUNKS = 100_000

_PIXEL_CHUNKS = frozenset({b"IHDR", b"PLTE", b"IDAT"})
_END = b"\0\0\0\0IEND\xae\x42\x60\x82"

# Samples of a pixel by colour type: PNG (third edition), section 11.2.1.
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def is_png(data: bytes) -> bool:
    """Whether the data starts as a PNG file."""
    return data.startswith(_SIGNATURE)


def decode_png(data: Data, limits: ImageLimits, target: Target | None) -> Picture:
    """Decode a PNG file (of an animated one the still image), with its orientation.

    Reduced as far as `target` allows, if there is one. RequestError: IMAGE_TOO_LARGE
    before a pixel is decoded, UNSUPPORTED_FORMAT, CORRUPT_IMAGE.
    """
    if data[12:16] == b"CgBI":
        raise unsupported_image("PNG", "Apple's CgBI variant of the format")
    if len(data) < 33 or data[12:16] != b"IHDR":
        raise corrupt_image("PNG")
    width, height, bits, colour_type = struct.unpack_from(">IIBB", data, 16)
    limits.check(width, height)
    exif, coded_bytes, spans = b"", 0, [(0, len(_SIGNATURE))]
    for kind, start, end in _chunks(data):
        if kind in _PIXEL_CHUNKS:
            spans.append((start, end))
        if kind == b"IDAT":
            coded_bytes += end - start - 12
        elif kind == b"eXIf":
            exif = bytes(data[start + 8 : end - 4])
    pixel_bytes = width * height * _SAMPLES.get(colour_type, 1) * bits // 8
    check_ratio("PNG", coded_bytes, pixel_bytes, DEFLATE_RATIO)
    return decode_pillow(
        PngImageFile,
        _joined(data, spans),
        "PNG",
        limits,
        target,
        read_orientation(exif),
    )


def _chunks(data: Data) -> Iterator[tuple[bytes, int, int]]:
    """Type, start and end of each chunk before the end chunk, as far as they are whole.

    An IDAT chunk that is cut off is yielded as well; its end is then that of the data.
    RequestError (CORRUPT_IMAGE) for more than MAX_CHUNKS.
    """
    position = len(_SIGNATURE)
    for _ in range(MAX_CHUNKS):
        if position + 8 > len(data):
            return
        length, kind = struct.unpack_from(">I4s", data, position)
        end = position + 12 + length
        if kind == b"IEND" or (end > len(data) and kind != b"IDAT"):
            return
        yield kind, position, min(end, len(data))
        position = end
    raise excessive_image("PNG", f"more than {MAX_CHUNKS} chunks")


def _joined(data: Data, spans: list[tuple[int, int]]) -> Data:
    """The file of these spans and an end chunk; `data` itself where that is the same.

    What follows the end chunk in `data` does not matter.
    """
    end = spans[-1][1]
    is_contiguous = sum(stop - start for start, stop in spans) == end
    if is_contiguous and data[end + 4 : end + 8] == b"IEND":
        return data
    view = memoryview(data)
    *pieces, last = (view[start:stop] for start, stop in spans)
    if len(last) < int.from_bytes(last[:4], "big") + 12 and len(spans) > 1:
        # The last IDAT chunk is cut off: Pillow would read the end chunk as its pixels.
        # It gets its true length, and any checksum, as Pillow checks none.
        pixels = last[8:]
        pieces.append(memoryview(struct.pack(">I4s", len(pixels), b"IDAT")))
        pieces.append(pixels)
        last = memoryview(bytes(4))
    return b"".join([*pieces, last, _END])
