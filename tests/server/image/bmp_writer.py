"""Write BMP files of any header, depth and bit field from numbers."""

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class BmpLayout:
    """How numbers [H,W] are stored in a file; `palette` [N,3] is BGR."""

    bits: int
    header: int = 40
    coding: int = 0
    masks: tuple[int, ...] = ()
    palette: NDArray[np.uint8] | None = None
    used: int = 0
    top_down: bool = False
    claimed_size: int | None = None
    claimed_start: int | None = None

    def file(self, numbers: Numbers) -> bytes:
        """The file of uncompressed rows."""
        height = len(numbers)
        order = numbers if self.top_down else numbers[::-1]
        rows = b"".join(self._row(row) for row in order)
        return self.around(rows, numbers.shape[1], height)

    def around(self, body: bytes, width: int, height: int) -> bytes:
        """The file of these rows or runs."""
        entry = 3 if self.header == 12 else 4
        colours = np.zeros((0, 3), np.uint8) if self.palette is None else self.palette
        table = b"".join(bytes(colour).ljust(entry, b"\0") for colour in colours)
        size = len(body) if self.claimed_size is None else self.claimed_size
        top = -height if self.top_down else height
        if self.header == 12:
            head = struct.pack("<IHHHH", 12, width, height, 1, self.bits)
        elif self.header == 16:
            head = struct.pack("<IiiHH", 16, width, top, 1, self.bits)
        else:
            info = (self.header, width, top, 1, self.bits, self.coding, size)
            head = struct.pack("<IiiHHIIiiII", *info, 0, 0, self.used, 0)
            fields = struct.pack(f"<{len(self.masks)}I", *self.masks)
            head += fields if self.header == 40 else b""
            head += fields.ljust(self.header - 40, b"\0")[: self.header - 40]
        start = 14 + len(head) + len(table)
        if self.claimed_start is not None:
            start = self.claimed_start
        return struct.pack("<2sIII", b"BM", 0, 0, start) + head + table + body

    def _row(self, row: Numbers) -> bytes:
        if self.bits < 8:
            flat = row.astype(np.uint8)[:, None]
            packed = np.packbits(np.unpackbits(flat, axis=1)[:, -self.bits :])
            data = packed.tobytes()
        else:
            stored = row.astype("<u4")[:, None].view(np.uint8).reshape(len(row), 4)
            data = stored[:, : self.bits // 8].tobytes()
        return data + bytes(-len(data) % 4)
