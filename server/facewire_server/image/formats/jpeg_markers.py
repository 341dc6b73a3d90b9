"""The markers of a JPEG file: its segments, frame header and scan headers; no pixels.

Rule: the work is bounded by MAX_SEGMENTS and by the size of the data, never by a number
in it, and searches run in steps so that the GIL is released between them. Data that is no
valid JPEG is left to the decoder to refuse.
Source: ITU T.81, annex B.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from facewire_server.errors import excessive_image
from facewire_server.image.data import Data

# A message of 32 MiB holds about 500 segments of full length. Many small ones would keep
# Pillow, which walks them in Python, busy for seconds.
MAX_SEGMENTS = 4096

# Editors add a segment of EXIF data of their own, and leave an empty one behind.
MAX_EXIF = 8

APP0, APP1, APP14 = 0xE0, 0xE1, 0xEE
DHT, DAC, EOI, SOS, DQT, DRI = 0xC4, 0xCC, 0xD9, 0xDA, 0xDB, 0xDD
_SOI = 0xD8
_EXIF = b"Exif\0\0"
# Start of frame with Huffman coding: baseline, extended, progressive.
HUFFMAN_FRAMES = frozenset({0xC0, 0xC1, 0xC2})
FRAMES = frozenset(range(0xC0, 0xD0)) - {DHT, 0xC8, DAC}
PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
# And those of other processes: hierarchical JPEG, JPEG-LS.
_FIRST_MARKERS = FRAMES | {0xDE, 0xF7}

# Markers without a segment, such as the restart markers in coded data, are skipped.
_MARKER = re.compile(rb"\xff[\x02-\xcf\xd8-\xfe]")
_END_OF_SCAN = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_STEP = 1 << 20


@dataclass(frozen=True, slots=True)
class FrameHeader:
    """A frame header: its marker, the image's size, each component's id and sampling.

    `sampling_factors` are horizontal and vertical, of each component.
    """

    marker: int
    precision: int
    width: int
    height: int
    component_ids: bytes
    sampling_factors: tuple[tuple[int, int], ...]

    @classmethod
    def read(cls, marker: int, segment: bytes) -> Self | None:
        """Read the segment of a frame header; None when it is broken."""
        if len(segment) < 6 or len(segment) < 6 + 3 * segment[5]:
            return None
        precision, height, width, count = struct.unpack_from(">BHHB", segment)
        component_ids = segment[6 : 6 + 3 * count : 3]
        samplings = segment[7 : 6 + 3 * count : 3]
        factors = tuple((byte >> 4, byte & 15) for byte in samplings)
        return cls(marker, precision, width, height, component_ids, factors)

    @property
    def is_progressive(self) -> bool:
        """Whether each scan brings a part of the coefficients only."""
        return self.marker in PROGRESSIVE

    @property
    def min_coded_bytes(self) -> int:
        """The fewest bytes of coded data that a whole image can have: a bit for each block.

        0 for arithmetic coding, which has no such bound.
        """
        if self.marker not in HUFFMAN_FRAMES:
            return 0
        mcu_width = max((factor for factor, _ in self.sampling_factors), default=0) * 8
        mcu_height = max((factor for _, factor in self.sampling_factors), default=0) * 8
        if not mcu_width or not mcu_height:
            return 0
        blocks = sum(
            -(-self.width * columns // mcu_width) * -(-self.height * rows // mcu_height)
            for columns, rows in self.sampling_factors
        )
        return blocks // 8


@dataclass(frozen=True, slots=True)
class JpegMarkers:
    """The segments before the pixels, and the scans as far as they were read.

    `first` is the first marker of a frame header or of an unsupported process, 0 without
    one. `exif` are the segments of EXIF data, the first MAX_EXIF. `pixels` is the offset
    of the first scan's coded data. `is_complete` is False when a component has no scan.
    """

    first: int
    frame: FrameHeader | None
    exif: tuple[bytes, ...]
    pixels: int
    scans: int
    is_complete: bool

    @classmethod
    def read(cls, data: Data, max_scans: int) -> Self:
        """Read the markers of `data`, behind the first scan only where more scans matter.

        Reading ends after `max_scans` + 1 scans. RequestError (CORRUPT_IMAGE) for more
        than MAX_SEGMENTS.
        """
        first, frame, pixels, scans = 0, None, len(data), 0
        exif: list[bytes] = []
        scanned = b""
        for marker, start, end in segments(data):
            if marker == SOS:
                pixels = min(pixels, end)
                scans += 1
                component_ids = scan_components(bytes(data[start:end]))
                scanned += component_ids
                if scans > max_scans or _is_only_scan(frame, component_ids):
                    break
            elif scans == 0 and marker in _FIRST_MARKERS:
                first = first or marker
                frame = frame or FrameHeader.read(marker, bytes(data[start:end]))
            elif scans == 0 and len(exif) < MAX_EXIF and _is_exif(data, marker, start):
                exif.append(bytes(data[start:end]))
        is_complete = frame is None or set(frame.component_ids) <= set(scanned)
        return cls(first, frame, tuple(exif), pixels, scans, is_complete)


def scan_components(header: bytes) -> bytes:
    """The ids of the components in a scan, from its header."""
    return header[1 : 1 + 2 * header[0] : 2] if header else b""


def _is_exif(data: Data, marker: int, start: int) -> bool:
    return marker == APP1 and data[start : start + len(_EXIF)] == _EXIF


def _is_only_scan(frame: FrameHeader | None, component_ids: bytes) -> bool:
    """Whether a decoder reads no scan after this one: it has all coefficients of all."""
    if frame is None or frame.is_progressive:
        return False
    return len(component_ids) == len(frame.component_ids)


def segments(data: Data) -> Iterator[tuple[int, int, int]]:
    """Yield marker, start and end of each segment, up to the end of the image or the data.

    Bytes between segments are skipped, coded data too. EOI is yielded as an empty segment.
    An SOI, where another image begins, ends the iteration as well. RequestError
    (CORRUPT_IMAGE) for more than MAX_SEGMENTS.
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
    raise excessive_image("JPEG", f"more than {MAX_SEGMENTS} segments")


def next_marker(data: Data, position: int) -> int:
    """The offset of the next marker but restarts; the end of the data without one."""
    return _find(_MARKER, data, position)


def coded_end(data: Data, position: int) -> int:
    """The end of a scan's coded data: the offset of the next marker that is no restart."""
    return _find(_END_OF_SCAN, data, position)


def _find(marker: re.Pattern[bytes], data: Data, position: int) -> int:
    while position < len(data):
        found = marker.search(data, position, position + _STEP)
        if found is not None:
            return found.start()
        position += _STEP - 1
    return len(data)
