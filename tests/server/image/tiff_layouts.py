"""Write TIFF files of any layout from the numbers that a decoder should return."""

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.server.image.tiff_writer import Tags, tiff

Samples = NDArray[Any]

NONE, LZW, DEFLATE, PACKBITS = 1, 5, 8, 32773
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR, LAB = 0, 1, 2, 3, 5, 6, 8


@dataclass(frozen=True)
class Layout:
    """How samples [H,W,S] are stored in a file; `tile`: tiles of 16 x 16, else strips."""

    bits: int = 8
    photometric: int = BLACK_IS_ZERO
    extra: int = 0
    compression: int = NONE
    predictor: int = 1
    sample_format: int = 1
    planar: bool = False
    tile: bool = False
    order: str = "<"
    big: bool = False
    fill_order: int = 1
    rows: int = 7

    def file(self, samples: Samples, more: Tags | None = None) -> bytes:
        """The file of whole numbers, or float32, [H,W,S], with `more` tags."""
        height, width, count = samples.shape
        planes = [samples]
        if self.planar:
            planes = [samples[:, :, n : n + 1] for n in range(count)]
        parts = [self._coded(part) for plane in planes for part in self._parts(plane)]
        lengths = [len(part) for part in parts]
        offsets = np.cumsum([0, *lengths])[:-1].tolist()
        tags: Tags = {
            256: ("L", [width]),
            257: ("L", [height]),
            258: ("H", [self.bits] * count),
            259: ("H", [self.compression]),
            262: ("H", [self.photometric]),
            266: ("H", [self.fill_order]),
            277: ("H", [count]),
            284: ("H", [2 if self.planar else 1]),
            317: ("H", [self.predictor]),
            339: ("H", [self.sample_format] * count),
        }
        if self.extra:
            tags[338] = ("H", [2] * self.extra)
        if self.tile:
            tags |= {322: ("L", [16]), 323: ("L", [16])}
            tags |= {324: ("L", offsets), 325: ("L", lengths)}
        else:
            tags |= {278: ("L", [self.rows])}
            tags |= {273: ("L", offsets), 279: ("L", lengths)}
        pixels = b"".join(parts)
        return tiff(tags | (more or {}), pixels, order=self.order, big=self.big)

    def _parts(self, plane: Samples) -> list[Samples]:
        height, width = plane.shape[:2]
        if not self.tile:
            return [plane[top : top + self.rows] for top in range(0, height, self.rows)]
        grown = np.pad(plane, ((0, -height % 16), (0, -width % 16), (0, 0)), "edge")
        return [
            grown[top : top + 16, left : left + 16]
            for top in range(0, height, 16)
            for left in range(0, width, 16)
        ]

    def _coded(self, part: Samples) -> bytes:
        data = b"".join(_packbits(row) for row in self._rows(part))
        if self.compression != PACKBITS:
            data = b"".join(self._rows(part))
        if self.compression == LZW:
            data = _lzw(data)
        elif self.compression == DEFLATE:
            data = zlib.compress(data)
        if self.fill_order == 2:
            bits = np.unpackbits(np.frombuffer(data, np.uint8)).reshape(-1, 8)
            data = np.packbits(bits[:, ::-1]).tobytes()
        return data

    def _rows(self, part: Samples) -> list[bytes]:
        return [self._row(row) for row in part]

    def _row(self, row: Samples) -> bytes:
        """One row [W,S]."""
        if self.predictor == 3:
            columns = row.astype(">f4").view(np.uint8).reshape(row.size, 4)
            planes = columns.T.reshape(-1, row.shape[1])
            return _differences(planes).astype(np.uint8).tobytes()
        if self.bits < 8:
            flat = row.ravel().astype(np.uint8)[:, None]
            return np.packbits(np.unpackbits(flat, axis=1)[:, -self.bits :]).tobytes()
        kind = "f" if self.sample_format == 3 else "iu"[self.sample_format == 1]
        typed = row.astype(f"{self.order}{kind}{self.bits // 8}")
        if self.predictor == 2:
            unsigned = typed.astype(f"u{self.bits // 8}")
            typed = _differences(unsigned).astype(f"{self.order}u{self.bits // 8}")
        return typed.tobytes()


def _differences(row: Samples) -> Samples:
    different = row.copy()
    different[1:] -= row[:-1]
    return different


def _packbits(row: bytes) -> bytes:
    parts = (row[at : at + 128] for at in range(0, len(row), 128))
    return b"".join(bytes([len(part) - 1]) + part for part in parts)


def _lzw(data: bytes) -> bytes:
    """Codes of 9 bits, each of one byte; the table is cleared before it would grow."""
    codes: list[int] = []
    for at in range(0, len(data), 200):
        codes += [256, *data[at : at + 200]]
    codes.append(257)
    bits = "".join(f"{code:09b}" for code in codes)
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")
