"""What a JPEG file consists of: its frame, its scans, its EXIF data; no pixel.

Rule: the work is bounded by MAX_SEGMENTS and by the data, never by a number in it,
and the GIL is given away between two steps. What is no JPEG is the decoder's to say.
Source: ITU T.81, annex B.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from facewire_server.image.refusal import excessive

# More than 500 full segments do not fit into a message of 32 MiB; a file of many
# small ones would keep Pillow, which walks them in Python, busy for seconds.
MAX_SEGMENTS = 4096

# Editors add one of their own, and leave an empty one behind.
MAX_EXIF = 8

_APP1, _EOI, _SOS = 0xE1, 0xD9, 0xDA
_EXIF = b"Exif\0\0"
# Start of frame: baseline, extended, progressive; by Huffman codes.
_HUFFMAN_FRAMES = frozenset({0xC0, 0xC1, 0xC2})
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})

# Those that stand alone, restarts among the pixels too, are passed over.
_MARKER = re.compile(rb"\xff[\x02-\xcf\xd9-\xfe]")
_STEP = 1 << 20


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame header: its marker, its sides, the sampling factors by component."""

    marker: int
    width: int
    height: int
    factors: tuple[tuple[int, int], ...]

    @classmethod
    def read(cls, marker: int, segment: bytes) -> Self | None:
        """None when the header is broken."""
        if len(segment) < 6 or len(segment) < 6 + 3 * segment[5]:
            return None
        height, width = struct.unpack_from(">HH", segment, 1)
        samplings = segment[7 : 6 + 3 * segment[5] : 3]
        factors = tuple((byte >> 4, byte & 15) for byte in samplings)
        return cls(marker, width, height, factors)

    @property
    def least_bytes(self) -> int:
        """The fewest bytes that a whole image can be in: one bit for each block.

        Arithmetic coding has no such bound, so it is 0 there.
        """
        if self.marker not in _HUFFMAN_FRAMES:
            return 0
        across = max((factor for factor, _ in self.factors), default=0) * 8
        down = max((factor for _, factor in self.factors), default=0) * 8
        if not across or not down:
            return 0
        blocks = sum(
            -(-self.width * columns // across) * -(-self.height * rows // down)
            for columns, rows in self.factors
        )
        return blocks // 8


@dataclass(frozen=True, slots=True)
class Outline:
    """`scans` counts no further than was asked; `pixels` is where the first begins.

    `exif` are the segments of EXIF data before it, the first MAX_EXIF.
    """

    frame: Frame | None
    exif: tuple[bytes, ...]
    pixels: int
    scans: int

    @classmethod
    def read(cls, data: bytes, max_scans: int) -> Self:
        """Look through `data`, behind the first scan only where more count.

        RequestError (CORRUPT_IMAGE) for more than MAX_SEGMENTS.
        """
        frame, pixels, scans = None, len(data), 0
        exif: list[bytes] = []
        for marker, start, end in _segments(data):
            if marker == _SOS:
                pixels = min(pixels, end)
                scans += 1
                if scans > max_scans or _is_all(frame, data[start:end]):
                    break
            elif scans == 0 and marker in _FRAMES:
                frame = frame or Frame.read(marker, data[start:end])
            elif scans == 0 and len(exif) < MAX_EXIF and _is_exif(data, marker, start):
                exif.append(data[start:end])
        return cls(frame, tuple(exif), pixels, scans)


def _is_exif(data: bytes, marker: int, start: int) -> bool:
    return marker == _APP1 and data.startswith(_EXIF, start)


def _is_all(frame: Frame | None, scan: bytes) -> bool:
    """Whether decoders end with this scan: one scan of all, once over the image."""
    if frame is None or frame.marker in _PROGRESSIVE:
        return False
    return scan[:1] == bytes([len(frame.factors)])


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, start and end of the segments; what lies between is passed over."""
    position = 2
    for _ in range(MAX_SEGMENTS):
        position = _next_marker(data, position)
        header = data[position : position + 4]
        if len(header) < 4 or header[1] == _EOI:
            return
        end = position + 2 + int.from_bytes(header[2:], "big")
        yield header[1], position + 4, end
        position = max(end, position + 4)
    raise excessive("JPEG", f"more than {MAX_SEGMENTS} segments")


def _next_marker(data: bytes, position: int) -> int:
    """Where the next one is; the end of the data when there is none."""
    while position < len(data):
        found = _MARKER.search(data, position, position + _STEP)
        if found is not None:
            return found.start()
        position += _STEP - 1
    return len(data)
