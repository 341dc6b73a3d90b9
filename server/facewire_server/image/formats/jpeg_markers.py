"""What a JPEG file consists of: its segments, its frame, its scans; no pixel.

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

APP0, APP1, APP14 = 0xE0, 0xE1, 0xEE
DHT, DAC, EOI, SOS, DQT, DRI = 0xC4, 0xCC, 0xD9, 0xDA, 0xDB, 0xDD
_SOI = 0xD8
_EXIF = b"Exif\0\0"
# Start of frame: baseline, extended, progressive; by Huffman codes.
HUFFMAN_FRAMES = frozenset({0xC0, 0xC1, 0xC2})
FRAMES = frozenset(range(0xC0, 0xD0)) - {DHT, 0xC8, DAC}
PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
# And what begins something else: a hierarchy of frames, JPEG-LS.
_BEGINNINGS = FRAMES | {0xDE, 0xF7}

# Those that stand alone, restarts among the pixels too, are passed over.
_MARKER = re.compile(rb"\xff[\x02-\xcf\xd8-\xfe]")
_END_OF_SCAN = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_STEP = 1 << 20


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame header: its marker, its sides; number and sampling of each component."""

    marker: int
    precision: int
    width: int
    height: int
    numbers: bytes
    factors: tuple[tuple[int, int], ...]

    @classmethod
    def read(cls, marker: int, segment: bytes) -> Self | None:
        """None when the header is broken."""
        if len(segment) < 6 or len(segment) < 6 + 3 * segment[5]:
            return None
        precision, height, width, count = struct.unpack_from(">BHHB", segment)
        numbers, samplings = (
            segment[6 : 6 + 3 * count : 3],
            segment[7 : 6 + 3 * count : 3],
        )
        factors = tuple((byte >> 4, byte & 15) for byte in samplings)
        return cls(marker, precision, width, height, numbers, factors)

    @property
    def progressive(self) -> bool:
        """Whether scans bring the pixels little by little."""
        return self.marker in PROGRESSIVE

    @property
    def least_bytes(self) -> int:
        """The fewest bytes that a whole image can be in: one bit for each block.

        Arithmetic coding has no such bound, so it is 0 there.
        """
        if self.marker not in HUFFMAN_FRAMES:
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
class JpegMarkers:
    """What comes before the pixels, and the scans as far as they were asked for.

    `first` is the first marker of a frame, or of what is no frame of ours; 0 without
    one. `exif` are the segments of EXIF data, the first MAX_EXIF. `pixels` is where
    those of the first scan begin. `complete` is False when a component has no scan.
    """

    first: int
    frame: Frame | None
    exif: tuple[bytes, ...]
    pixels: int
    scans: int
    complete: bool

    @classmethod
    def read(cls, data: bytes, max_scans: int) -> Self:
        """Look through `data`, behind the first scan only where more count.

        RequestError (CORRUPT_IMAGE) for more than MAX_SEGMENTS.
        """
        first, frame, pixels, scans = 0, None, len(data), 0
        exif: list[bytes] = []
        scanned = b""
        for marker, start, end in segments(data):
            if marker == SOS:
                pixels = min(pixels, end)
                scans += 1
                numbers = scan_numbers(data[start:end])
                scanned += numbers
                if scans > max_scans or _is_all(frame, numbers):
                    break
            elif scans == 0 and marker in _BEGINNINGS:
                first = first or marker
                frame = frame or Frame.read(marker, data[start:end])
            elif scans == 0 and len(exif) < MAX_EXIF and _is_exif(data, marker, start):
                exif.append(data[start:end])
        complete = frame is None or frame.numbers == scanned or set(frame.numbers) <= set(scanned)
        return cls(first, frame, tuple(exif), pixels, scans, complete)


def scan_numbers(header: bytes) -> bytes:
    """The numbers of the components that a scan has, from its header."""
    return header[1 : 1 + 2 * header[0] : 2] if header else b""


def _is_exif(data: bytes, marker: int, start: int) -> bool:
    return marker == APP1 and data.startswith(_EXIF, start)


def _is_all(frame: Frame | None, numbers: bytes) -> bool:
    """Whether decoders end with this scan: one scan of all, once over the image."""
    if frame is None or frame.progressive:
        return False
    return len(numbers) == len(frame.numbers)


def segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, start and end of the segments, up to the end of the image or the data.

    What lies between is passed over, pixels too. The end of the image is an empty
    segment; another image may begin without it. RequestError (CORRUPT_IMAGE) for more than
    MAX_SEGMENTS.
    """
    position = 2
    for _ in range(MAX_SEGMENTS):
        position = next_marker(data, position)
        marker = data[position + 1] if position < len(data) else _SOI
        if marker == EOI:
            yield EOI, position + 2, position + 2
        if marker in (EOI, _SOI) or position + 4 > len(data):
            return
        end = position + 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        yield marker, position + 4, end
        position = max(end, position + 4)
    raise excessive("JPEG", f"more than {MAX_SEGMENTS} segments")


def next_marker(data: bytes, position: int) -> int:
    """Where the next segment, end or image begins; the end of the data without one."""
    return _find(_MARKER, data, position)


def coded_end(data: bytes, position: int) -> int:
    """Where the coded data of a scan ends: before any marker that is no restart."""
    return _find(_END_OF_SCAN, data, position)


def _find(marker: re.Pattern[bytes], data: bytes, position: int) -> int:
    while position < len(data):
        found = marker.search(data, position, position + _STEP)
        if found is not None:
            return found.start()
        position += _STEP - 1
    return len(data)
