"""What a decoder needs of a JPEG file that it complains of, if all pixels are there.

libjpeg-turbo tells no more than its first warning: a colour profile that is odd, and
nobody needs, hides that half of the pixels are missing. So when there is one, the
coded data of every scan is read (`ScanReader`), and the decoder gets a file in which
nothing else is left to complain of.
"""

from facewire_ext import ScanReader
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
    Frame,
    coded_end,
    scan_numbers,
    segments,
)
from facewire_server.image.formats.jpeg_tables import STANDARD, tables_in
from facewire_server.image.refusal import damaged

_NEEDED = FRAMES | {DAC, DHT, DQT, DRI, SOS}
# Without a version, a density and a thumbnail.
_JFIF = b"\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"
# By the number of components, what decoders take an unknown transform for.
_ADOBE_TRANSFORMS = {3: 1, 4: 2}


# Bytes of 0 with which blocks may end that are not many of the same colour.
_CHANCE_ZEROS = 4


def repaired(data: bytes, frame: Frame) -> bytes:
    """The segments and the coded data of `data` that make its pixels.

    No further than to the scan with which the image is complete; its end is put in
    where it is missing. RequestError (CORRUPT_IMAGE) when pixels are missing.

    Arithmetic coding does not tell where its data ends: such a file must have its
    end, and what else is missing is for the decoder to say.
    """
    try:
        scans = _Scans(frame)
        kept = [b"\xff\xd8", *_kept(data, frame, scans)]
    except ValueError as error:
        raise damaged("JPEG") from error
    return b"".join([*kept, b"\xff\xd9"])


def _kept(data: bytes, frame: Frame, scans: "_Scans") -> list[bytes]:
    """The parts of the file up to its end; ValueError when that is missing."""
    kept: list[bytes] = []
    for marker, start, end in segments(data):
        segment = data[start:end]
        if marker == EOI:
            return kept
        if marker == APP0 and segment.startswith(b"JFIF\0"):
            kept.append(_JFIF)
        elif marker == APP14 and segment.startswith(b"Adobe"):
            kept.append(_adobe(segment, len(frame.numbers)))
        elif marker in _NEEDED:
            kept.append(data[start - 4 : end])
        if marker == DHT:
            scans.define_tables(segment)
        elif marker == DRI:
            scans.interval = int.from_bytes(segment[:2], "big")
        elif marker == SOS:
            after = coded_end(data, end)
            kept.append(data[end:after])
            scans.read(segment, kept[-1])
            if scans.are_all:
                return kept
    raise ValueError("the end is missing")


def _adobe(segment: bytes, components: int) -> bytes:
    """Adobe's segment with a transform that decoders know."""
    if len(segment) < 12:
        return b""
    transform = segment[11]
    if transform > 2:
        transform = _ADOBE_TRANSFORMS.get(components, 0)
    return b"\xff\xee\0\x0eAdobe" + segment[5:11] + bytes([transform])


def _is_filled(coded: bytes, taken: int) -> bool:
    """Whether the blocks of a scan, so many bytes, end among zeros at its end.

    A file that was not written to its end is often as long as it should be, and zeros
    are codes as well. Where nothing is missing the zeros begin behind the blocks, or
    end with them; the last bytes of the blocks may be some.
    """
    written = len(coded.rstrip(b"\0"))
    return written + _CHANCE_ZEROS < taken < len(coded)


class _Scans:
    """The scans of a frame that were read: what they have brought."""

    def __init__(self, frame: Frame) -> None:
        """ValueError for a frame that no file has."""
        self.interval = 0
        self._frame = frame
        # By component and coefficient: how many of its last bits are missing.
        self._missing = {number: [16] * 64 for number in frame.numbers}
        self._reader = None
        if frame.marker in HUFFMAN_FRAMES:
            self._reader = ScanReader(frame.width, frame.height, frame.factors, frame.progressive)
            if not frame.progressive:
                for table in STANDARD:
                    self._reader.define_table(*table)

    def define_tables(self, segment: bytes) -> None:
        """Take the tables of a segment; ValueError when it is broken."""
        for table in tables_in(segment):
            if self._reader is not None:
                self._reader.define_table(*table)

    def read(self, header: bytes, coded: bytes) -> None:
        """Read the data of a scan; ValueError when blocks are missing in it."""
        numbers = scan_numbers(header)
        selectors = header[2 : 1 + 2 * len(numbers) : 2]
        last = header[1 + 2 * len(numbers) :]
        if len(last) < 3 or not set(numbers) <= set(self._frame.numbers):
            raise ValueError("the header of a scan is broken")
        first, stop, bits = 0, 63, 0
        if self._frame.progressive:
            first, stop, bits = last[:3]
        for number in numbers:
            for coefficient in range(first, min(stop, 63) + 1):
                self._missing[number][coefficient] = bits & 15
        if self._reader is None:
            return
        parts = [
            (self._frame.numbers.index(number), selector >> 4, selector & 15)
            for number, selector in zip(numbers, selectors, strict=True)
        ]
        taken = self._reader.read(coded, parts, first, stop, bits > 15, self.interval)
        if taken < 0 or _is_filled(coded, taken):
            raise ValueError("blocks are missing in a scan")

    @property
    def are_all(self) -> bool:
        """Whether they are known to be, and no other could bring anything."""
        return self._reader is not None and not any(map(any, self._missing.values()))
