"""The first IFD (image file directory) of a TIFF, a BigTIFF or EXIF data: read, written.

Rule: entries that can be read count, whatever the IFD says of itself: it may be cut off,
or claim more entries than there are. The work is bounded by MAX_ENTRIES and by the size
of the data, never by a number in it.
Source: TIFF 6.0, section 2; for BigTIFF the description that libtiff publishes.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

# Tags by name, of TIFF 6.0 and of libtiff 4.7.
SUBFILE, OLD_SUBFILE = 254, 255
WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 256, 257, 258, 259, 262
FILL_ORDER, STRIP_OFFSETS, SAMPLES = 266, 273, 277
ROWS_PER_STRIP, STRIP_LENGTHS, PLANAR = 278, 279, 284
COLOUR_MAP = 320
TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_LENGTHS = 322, 323, 324, 325
SAMPLE_FORMAT, SUBSAMPLING = 339, 530
TIFF_EP, DNG = 37398, 50706

# The most entries that fit into a segment of a JPEG; those behind them are not read.
MAX_ENTRIES = (0xFFFF - 2) // 12

# The bytes of a value by its type.
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
# BYTE, ASCII and UNDEFINED: Pillow reads their values as one string.
_STRINGS = frozenset({1, 2, 7})
# The types of unsigned integers: BYTE, SHORT, LONG and LONG8.
_INTEGERS = {1: "u1", 3: "u2", 4: "u4", 16: "u8"}
_LONG, _LONG8 = 4, 16

# The tags that `rewritten` keeps, those that make pixels: size, bits, compression and
# colours; fax, predictor, palette, inks, extra samples, format; JPEG's tables; YCbCr.
_PIXEL_TAGS = frozenset(
    {*range(256, 260), 262, 266, 273, 277, 278, 279, 284, 292, 293, 317, 320}
    | {*range(322, 326), 332, 338, 339, 347, *range(512, 522), *range(529, 533)}
)
_STRIPS, _TILES = {STRIP_OFFSETS, STRIP_LENGTHS}, {TILE_OFFSETS, TILE_LENGTHS}


class IfdEntry(NamedTuple):
    """One tag: `value_count` values of `type`, at `offset` or where `offset` points to."""

    type: int
    value_count: int
    offset: int

    def has_more_than(self, limit: int) -> bool:
        """Whether Pillow reads more than `limit` values; strings are one value."""
        return self.type not in _STRINGS and self.value_count > limit


@dataclass(frozen=True, slots=True)
class Ifd:
    """The entries of an IFD by tag, as far as they can be read.

    `byte_order` is "<" or ">"; `offset_size` is 4, or 8 in a BigTIFF. The IFD claims to
    have `claimed_count` entries from `start` to `end` in `data`.
    """

    data: bytes
    byte_order: str
    offset_size: int
    entries: dict[int, IfdEntry]
    claimed_count: int
    start: int
    end: int

    @classmethod
    def read(cls, data: bytes) -> Self:
        """Read the first IFD of `data`; ValueError when there is none."""
        byte_order = {b"II": "<", b"MM": ">"}.get(data[:2])
        if byte_order is None:
            raise ValueError("no TIFF header")
        try:
            return cls._read(data, byte_order)
        except (struct.error, OverflowError) as error:
            raise ValueError("the IFD is not in the data") from error

    @classmethod
    def _read(cls, data: bytes, byte_order: str) -> Self:
        (version,) = struct.unpack_from(byte_order + "H", data, 2)
        if version == 42:
            counter, record, pointer, header = "H", "HHL4x", "L", 4
        elif version == 43:
            counter, record, pointer, header = "Q", "HHQ8x", "Q", 8
        else:
            raise ValueError(f"no TIFF header: version {version}")
        offset_size = struct.calcsize(byte_order + pointer)
        (start,) = struct.unpack_from(byte_order + pointer, data, header)
        if start < header + offset_size:
            raise ValueError("the IFD is in the header")
        (claimed_count,) = struct.unpack_from(byte_order + counter, data, start)
        size = struct.calcsize(byte_order + record)
        first = start + struct.calcsize(byte_order + counter)
        # The last entry may be cut off within its value field: of a short value only the
        # padding may be missing. So it is read, filled up with zeros.
        available = max(0, len(data) - first + offset_size) // size
        count = min(claimed_count, available, MAX_ENTRIES)
        block = data[first : first + count * size].ljust(count * size, b"\0")
        entries: dict[int, IfdEntry] = {}
        offset = first + size - offset_size
        for tag, kind, values in struct.iter_unpack(byte_order + record, block):
            entries.setdefault(tag, IfdEntry(kind, values, offset))
            offset += size
        end = first + claimed_count * size
        return cls(data, byte_order, offset_size, entries, claimed_count, start, end)

    def integer(self, tag: int, default: int = 0) -> int:
        """The value of a tag that has exactly one; else the default."""
        values = self.integers(tag)
        return int(values[0]) if values.size == 1 else default

    def integers(self, tag: int) -> NDArray[np.uint64]:
        """The values [N] of a tag; an empty array when it is absent.

        ValueError when they are no unsigned integers or not all in the data.
        """
        if tag not in self.entries:
            return np.empty(0, np.uint64)
        kind, count, offset = self.entries[tag]
        if kind not in _INTEGERS:
            raise ValueError(f"tag {tag} is of type {kind}")
        dtype = np.dtype(self.byte_order + _INTEGERS[kind])
        if count * dtype.itemsize > self.offset_size:
            if offset + self.offset_size > len(self.data):
                raise ValueError(f"tag {tag} is cut off")
            offset = self._pointer(offset)
        if offset + count * dtype.itemsize > len(self.data):
            raise ValueError(f"the values of tag {tag} are not in the data")
        return np.frombuffer(self.data, dtype, count, offset).astype(np.uint64)

    def rewritten(self, changes: Mapping[int, Sequence[int]]) -> bytes:
        """The file with an IFD of only the tags that make pixels, and with `changes`.

        `changes` are integers by tag. The pixels stay where they are, the new IFD is
        appended. The result is never a BigTIFF: Pillow takes one in Motorola byte order
        for another format. ValueError for tags whose values are not in the file.
        """
        tags = _PIXEL_TAGS - (_STRIPS if TILE_OFFSETS in self.entries else _TILES)
        fields = {tag: self._field(tag) for tag in self.entries if tag in tags}
        order = self.byte_order
        for tag, numbers in changes.items():
            values = struct.pack(f"{order}{len(numbers)}L", *numbers)
            fields[tag] = (_LONG, len(numbers), values)
        start = len(self.data) + len(self.data) % 2
        end = start + 2 + 12 * len(fields) + 4
        entries, long_values = [struct.pack(order + "H", len(fields))], b""
        for tag, (kind, count, values) in sorted(fields.items()):
            if len(values) > 4:
                offset = struct.pack(order + "L", end + len(long_values))
                long_values += values
                values = offset
            entry = struct.pack(order + "HHL", tag, kind, count)
            entries.append(entry + values.ljust(4, b"\0"))
        mark = b"II" if order == "<" else b"MM"
        header = mark + struct.pack(order + "HL", 42, start)
        body = memoryview(self.data)[len(header) :]
        return b"".join([header, body, bytes(len(self.data) % 2), *entries, bytes(4), long_values])

    def _field(self, tag: int) -> tuple[int, int, bytes]:
        """Type, count and bytes of the values of a tag, as `rewritten` writes them."""
        kind, count, offset = self.entries[tag]
        if kind == _LONG8:
            numbers = self.integers(tag).tolist()
            if any(number >> 32 for number in numbers):
                raise ValueError(f"tag {tag} has values of more than 32 bits")
            return _LONG, count, struct.pack(f"{self.byte_order}{count}L", *numbers)
        size = count * _SIZES.get(kind, 1)
        if size > self.offset_size:
            offset = self._pointer(offset)
        values = self.data[offset : offset + size]
        if len(values) < size:
            raise ValueError(f"the values of tag {tag} are not in the data")
        return kind, count, values

    def _pointer(self, offset: int) -> int:
        """The offset that is stored at `offset`."""
        code = self.byte_order + ("L" if self.offset_size == 4 else "Q")
        return int(struct.unpack_from(code, self.data, offset)[0])
