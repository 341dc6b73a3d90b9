"""The first directory of a TIFF structure: TIFF files, BigTIFF files and EXIF data.

Rule: entries that can be read count, whatever the directory says of itself: it may
be cut off, or claim more entries than there are. The work is bounded by MAX_ENTRIES
and by the data, never by a number in it.
Source: TIFF 6.0, section 2; for BigTIFF the description that libtiff publishes.
"""

import struct
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

# As many as fit into a segment of a JPEG; what is behind them is not looked at.
MAX_ENTRIES = (0xFFFF - 2) // 12

# BYTE, ASCII and UNDEFINED: what is read of them is a string.
_BYTES = frozenset({1, 2, 7})

# The types of whole numbers: BYTE, SHORT, LONG and LONG8.
_INTEGERS = {1: "u1", 3: "u2", 4: "u4", 16: "u8"}


class Entry(NamedTuple):
    """One tag: `length` values of `type`, at `place` or where `place` points to."""

    type: int
    length: int
    place: int

    def is_many(self, most: int) -> bool:
        """Whether there are more numbers than `most`; text and bytes are one value."""
        return self.type not in _BYTES and self.length > most


@dataclass(frozen=True, slots=True)
class Ifd:
    """The entries by tag, as far as they are there.

    `count` entries from `start` to `end` in `data` are what the directory claims.
    """

    data: bytes
    order: str
    offset_size: int
    entries: dict[int, Entry]
    count: int
    start: int
    end: int

    @classmethod
    def read(cls, data: bytes) -> Self:
        """Read the first directory of `data`; ValueError when there is none."""
        order = {b"II": "<", b"MM": ">"}.get(data[:2])
        if order is None:
            raise ValueError("no TIFF header")
        try:
            return cls._read(data, order)
        except (struct.error, OverflowError) as error:
            raise ValueError("the directory is not in the data") from error

    @classmethod
    def _read(cls, data: bytes, order: str) -> Self:
        (version,) = struct.unpack_from(order + "H", data, 2)
        if version == 42:
            counter, entry, pointer, header = "H", "HHL4x", "L", 4
        elif version == 43:
            counter, entry, pointer, header = "Q", "HHQ8x", "Q", 8
        else:
            raise ValueError(f"no TIFF header: version {version}")
        offset_size = struct.calcsize(order + pointer)
        (start,) = struct.unpack_from(order + pointer, data, header)
        if start < header + offset_size:
            raise ValueError("the directory is in the header")
        (count,) = struct.unpack_from(order + counter, data, start)
        size = struct.calcsize(order + entry)
        first = start + struct.calcsize(order + counter)
        # The last one may be cut off within its value, whose padding may be all that
        # is missing.
        there = max(0, len(data) - first + offset_size) // size
        read = min(count, there, MAX_ENTRIES)
        block = data[first : first + read * size].ljust(read * size, b"\0")
        entries: dict[int, Entry] = {}
        place = first + size - offset_size
        for tag, kind, values in struct.iter_unpack(order + entry, block):
            entries.setdefault(tag, Entry(kind, values, place))
            place += size
        end = first + count * size
        return cls(data, order, offset_size, entries, count, start, end)

    def integer(self, tag: int, default: int = 0) -> int:
        """The value of a tag that has exactly one; else the default."""
        values = self.integers(tag)
        return int(values[0]) if values.size == 1 else default

    def integers(self, tag: int) -> NDArray[np.uint64]:
        """The values [N] of a tag; none when it is absent.

        ValueError when they are no whole numbers or not all there.
        """
        if tag not in self.entries:
            return np.empty(0, np.uint64)
        kind, count, place = self.entries[tag]
        if kind not in _INTEGERS:
            raise ValueError(f"tag {tag} is of type {kind}")
        item = np.dtype(self.order + _INTEGERS[kind])
        if count * item.itemsize > self.offset_size:
            if place + self.offset_size > len(self.data):
                raise ValueError(f"tag {tag} is cut off")
            pointer = self.order + ("L" if self.offset_size == 4 else "Q")
            (place,) = struct.unpack_from(pointer, self.data, place)
        if place + count * item.itemsize > len(self.data):
            raise ValueError(f"the values of tag {tag} are not in the data")
        return np.frombuffer(self.data, item, count, place).astype(np.uint64)
