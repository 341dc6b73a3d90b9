"""Repair a JPEG file that libjpeg warns of, if it has all its pixels.

libjpeg-turbo reports only its first warning: a malformed colour profile, which decoding
does not need, hides that half of the pixels are missing. So after a warning the coded data
of every scan is read (`ScanReader`), and the decoder gets a file of the segments that make
the pixels and no others.
Source: ITU T.81, annexes B, F and K.3.
"""

from collections.abc import Iterator
from typing import NamedTuple

from facewire_ext import ScanReader
from facewire_server.errors import corrupt_image
from facewire_server.image.data import Data
from facewire_server.image.formats.jpeg_markers import (
    APP0,
    APP14,
    DAC,
    DHT,
    DQT,
    DRI,
    EOI,
    FRAMES,
    HUFFMAN_FRAMES,
    SOS,
    FrameHeader,
    coded_end,
    scan_components,
    segments,
)

_PIXEL_MARKERS = FRAMES | {DAC, DHT, DQT, DRI, SOS}
# JFIF's segment with neutral values and no thumbnail.
_JFIF = b"\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"
# By the number of components, the transform that decoders assume for an unknown one.
_ADOBE_TRANSFORMS = {3: 1, 4: 2}

# Complete coded data may end with as many bytes of 0 by chance.
_CHANCE_ZEROS = 4


class _HuffmanTable(NamedTuple):
    """A table for AC or DC coefficients: how many codes of 1 to 16 bits, and their symbols."""

    is_ac: bool
    slot: int
    counts: bytes
    symbols: bytes


_STANDARD_TABLES = (
    _HuffmanTable(
        False,
        0,
        bytes.fromhex("00010501010101010100000000000000"),
        bytes.fromhex("000102030405060708090a0b"),
    ),
    _HuffmanTable(
        True,
        0,
        bytes.fromhex("0002010303020403050504040000017d"),
        bytes.fromhex(
            "01020300041105122131410613516107227114328191a1082342b1c11552d1f0"
            "2433627282090a161718191a25262728292a3435363738393a43444546474849"
            "4a535455565758595a636465666768696a737475767778797a83848586878889"
            "8a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5"
            "c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8"
            "f9fa"
        ),
    ),
    _HuffmanTable(
        False,
        1,
        bytes.fromhex("00030101010101010101010000000000"),
        bytes.fromhex("000102030405060708090a0b"),
    ),
    _HuffmanTable(
        True,
        1,
        bytes.fromhex("00020102040403040705040400010277"),
        bytes.fromhex(
            "000102031104052131061241510761711322328108144291a1b1c109233352f0"
            "156272d10a162434e125f11718191a262728292a35363738393a434445464748"
            "494a535455565758595a636465666768696a737475767778797a828384858687"
            "88898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3"
            "c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8"
            "f9fa"
        ),
    ),
)
"""The tables of T.81, K.3, which decoders assume where a file (Motion JPEG) defines none."""


def repaired(data: Data, frame: FrameHeader) -> bytes:
    """The file of those segments and that coded data of `data` that make its pixels.

    It ends with the scan that completes the image; a missing EOI marker is added.
    RequestError (CORRUPT_IMAGE) when pixels are missing.

    Arithmetic coded data is not read, so it may be incomplete: such a
    file must have its EOI marker, and the decoder finds what else is missing.
    """
    try:
        scans = _Scans(frame)
        pieces = [b"\xff\xd8", *_pixel_pieces(data, frame, scans)]
    except ValueError as error:
        raise corrupt_image("JPEG") from error
    return b"".join([*pieces, b"\xff\xd9"])


def _pixel_pieces(data: Data, frame: FrameHeader, scans: "_Scans") -> list[bytes]:
    """The pieces of the file before its EOI; ValueError when pixels are missing."""
    pieces: list[bytes] = []
    for marker, start, end in segments(data):
        segment = bytes(data[start:end])
        if marker == EOI:
            return pieces
        if marker == APP0 and segment.startswith(b"JFIF\0"):
            pieces.append(_JFIF)
        elif marker == APP14 and segment.startswith(b"Adobe"):
            pieces.append(_adobe(segment, len(frame.component_ids)))
        elif marker in _PIXEL_MARKERS:
            pieces.append(bytes(data[start - 4 : end]))
        if marker == DHT:
            scans.define_tables(segment)
        elif marker == DRI:
            scans.restart_interval = int.from_bytes(segment[:2], "big")
        elif marker == SOS:
            after = coded_end(data, end)
            pieces.append(bytes(data[end:after]))
            scans.read(segment, pieces[-1])
            if scans.is_complete:
                return pieces
    raise ValueError("the end is missing")


def _adobe(segment: bytes, components: int) -> bytes:
    """Adobe's segment with a transform that decoders support; empty when it is broken."""
    if len(segment) < 12:
        return b""
    transform = segment[11]
    if transform > 2:
        transform = _ADOBE_TRANSFORMS.get(components, 0)
    return b"\xff\xee\0\x0eAdobe" + segment[5:11] + bytes([transform])


def _is_filled(coded: bytes, taken: int) -> bool:
    """Whether the last blocks of a scan, whose blocks take `taken` bytes, are filling zeros.

    A file that was not written to its end often has its full length, filled with zeros,
    and zeros are valid codes as well. In a complete scan zeros at the end begin behind
    the blocks, but for a few by chance.
    """
    written = len(coded.rstrip(b"\0"))
    return written + _CHANCE_ZEROS < taken < len(coded)


def _tables_in(segment: bytes) -> Iterator[_HuffmanTable]:
    """Yield the tables that a DHT segment defines; ValueError when it is broken."""
    position = 0
    while position < len(segment):
        counts = segment[position + 1 : position + 17]
        end = position + 17 + sum(counts)
        if len(counts) < 16 or end > len(segment):
            raise ValueError("a table is cut off")
        slot = segment[position]
        yield _HuffmanTable(slot & 0x10 != 0, slot & ~0x10, counts, segment[position + 17 : end])
        position = end


class _Scans:
    """The scans of a frame: reads their coded data, and records which bits are missing."""

    def __init__(self, frame: FrameHeader) -> None:
        """ValueError for a frame header with values that are not allowed."""
        self.restart_interval = 0
        self._frame = frame
        # By component and coefficient: how many of its lowest bits no scan has brought.
        self._missing = {component_id: [16] * 64 for component_id in frame.component_ids}
        self._reader = None
        if frame.marker in HUFFMAN_FRAMES:
            self._reader = ScanReader(
                frame.width, frame.height, frame.sampling_factors, frame.is_progressive
            )
            if not frame.is_progressive:
                for table in _STANDARD_TABLES:
                    self._reader.define_table(*table)

    def define_tables(self, segment: bytes) -> None:
        """Define the tables of a DHT segment; ValueError when it is broken."""
        for table in _tables_in(segment):
            if self._reader is not None:
                self._reader.define_table(*table)

    def read(self, header: bytes, coded: bytes) -> None:
        """Read the coded data of a scan; ValueError when blocks are missing in it."""
        component_ids = scan_components(header)
        selectors = header[2 : 1 + 2 * len(component_ids) : 2]
        parameters = header[1 + 2 * len(component_ids) :]
        if len(parameters) < 3 or not set(component_ids) <= set(self._frame.component_ids):
            raise ValueError("the header of a scan is broken")
        first, last, approximation = 0, 63, 0
        if self._frame.is_progressive:
            first, last, approximation = parameters[:3]
        for component_id in component_ids:
            for coefficient in range(first, min(last, 63) + 1):
                self._missing[component_id][coefficient] = approximation & 15
        if self._reader is None:
            return
        components = [
            (self._frame.component_ids.index(component_id), selector >> 4, selector & 15)
            for component_id, selector in zip(component_ids, selectors, strict=True)
        ]
        taken = self._reader.read(
            coded, components, first, last, approximation > 15, self.restart_interval
        )
        if taken < 0 or _is_filled(coded, taken):
            raise ValueError("blocks are missing in a scan")

    @property
    def is_complete(self) -> bool:
        """Whether all bits of all coefficients have been read; False for arithmetic coding."""
        return self._reader is not None and not any(map(any, self._missing.values()))
