"""BMP files, by Pillow; run-length coded ones by OpenCV.

Pillow decodes runs in Python: 100 bytes that claim 64 megapixels cost it seconds.
"""

import struct

from PIL.BmpImagePlugin import BmpImageFile

from facewire_server.image.compression import RUNS, check_possible
from facewire_server.image.opencv import decode_opencv
from facewire_server.image.picture import Picture
from facewire_server.image.pillow import decode_pillow
from facewire_server.image.refusal import damaged
from facewire_server.image.target import Target
from facewire_server.image_limits import ImageLimits

# Sizes of the second header, which tell the versions of the format apart.
_HEADERS = frozenset({12, 40, 52, 56, 64, 108, 124})
_PLAIN, _RLE8, _RLE4, _BITFIELDS = 0, 1, 2, 3


def is_bmp(data: bytes) -> bool:
    """Whether the data starts as a BMP file: the two letters BM are not enough."""
    header = data[14:18]
    known = len(header) < 4 or int.from_bytes(header, "little") in _HEADERS
    return data.startswith(b"BM") and known


def decode_bmp(data: bytes, limits: ImageLimits, target: Target | None) -> Picture:
    """Decode a BMP file; no further than `target` needs, when there is one.

    RequestError: IMAGE_TOO_LARGE before a pixel is decoded, CORRUPT_IMAGE.
    """
    if len(data) < 26:
        raise damaged("BMP")
    (start,) = struct.unpack_from("<I", data, 10)
    if data[14] == 12:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        coding, size = _PLAIN, 0
    elif len(data) < 54:
        raise damaged("BMP")
    else:
        width, height, _, bits, coding, size = struct.unpack_from("<iiHHII", data, 18)
    limits.check(width, abs(height))
    if coding in (_PLAIN, _BITFIELDS):
        # Pillow would not miss the padding of the last row.
        size = (width * bits + 31) // 32 * 4 * abs(height)
    if width < 1 or start + size > len(data):
        raise damaged("BMP")
    if coding in (_RLE8, _RLE4):
        check_possible("BMP", len(data) - start, width * abs(height), RUNS)
        return decode_opencv(data, "BMP", width * abs(height))
    return decode_pillow(BmpImageFile, data, "BMP", limits, target)
