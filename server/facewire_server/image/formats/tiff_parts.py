"""The parts of a TIFF file, strips or tiles: complete, with offsets and lengths corrected.

Rule: missing pixels are refused, wrong numbers are corrected. Many writers get the lengths
of strips wrong, and decoders ignore all of them, or all but one; what is computed here are
the lengths that decoding needs.
"""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from facewire_server.image.formats.tiff_ifd import (
    COMPRESSION,
    PLANAR,
    ROWS_PER_STRIP,
    SAMPLES,
    STRIP_LENGTHS,
    STRIP_OFFSETS,
    TILE_HEIGHT,
    TILE_LENGTHS,
    TILE_OFFSETS,
    TILE_WIDTH,
    Ifd,
)
from facewire_server.image.formats.tiff_samples import UNCOMPRESSED, row_bits

_END_OF_JPEG = b"\xff\xd9"
# Decoders fill missing pixels with white in fax compressions and with grey in JPEG, and
# report no error.
_FAXES, _JPEGS = frozenset({2, 3, 4}), frozenset({6, 7})
_HEADER_BYTES = 8
# The value of ROWS_PER_STRIP for one strip of all rows. From any other number beyond the
# height Pillow computes the memory that the strip takes, and refuses it.
_ALL_ROWS = (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class Grid:
    """How an image is cut: `across` x `down` parts of `columns` x `rows` pixels.

    `planes`: the number of such grids, one for each sample or one in all.
    """

    is_tiled: bool
    columns: int
    rows: int
    across: int
    down: int
    planes: int

    @classmethod
    def of(cls, ifd: Ifd, width: int, height: int) -> Self:
        """The grid of an image of this size; ValueError for broken tags."""
        planes = 1
        if ifd.integer(PLANAR) == 2:
            planes = ifd.integer(SAMPLES, default=1)
        is_tiled = TILE_OFFSETS in ifd.entries
        if is_tiled:
            columns = ifd.integer(TILE_WIDTH) or width
            rows = ifd.integer(TILE_HEIGHT) or height
        else:
            columns = width
            rows = _strip_rows(ifd, width, height, planes)
        across, down = math.ceil(width / columns), math.ceil(height / rows)
        return cls(is_tiled, columns, rows, across, down, planes)

    @property
    def count(self) -> int:
        """The number of parts of a complete image."""
        return self.across * self.down * self.planes


def _strip_rows(ifd: Ifd, width: int, height: int, planes: int) -> int:
    """The rows of a strip, derived from its length if each of several claims all rows."""
    rows = min(ifd.integer(ROWS_PER_STRIP) or height, height)
    strips = ifd.integers(STRIP_OFFSETS).size
    if rows < height or strips <= planes:
        return rows
    lengths = ifd.integers(STRIP_LENGTHS)
    row_bytes = row_bits(ifd, width) // 8
    if ifd.integer(COMPRESSION, default=UNCOMPRESSED) != UNCOMPRESSED or not lengths.size:
        raise ValueError("several strips, each of which has all rows")
    rows = int(lengths[0]) // max(row_bytes, 1)
    if not 0 < rows < height or math.ceil(height / rows) * planes != strips:
        raise ValueError("several strips, each of which has all rows")
    return rows


@dataclass(frozen=True, slots=True)
class Parts:
    """The offsets and lengths of the strips or tiles that the image needs: [N] each."""

    grid: Grid
    offsets: NDArray[np.uint64]
    lengths: NDArray[np.uint64]

    @classmethod
    def read(cls, ifd: Ifd, grid: Grid, height: int) -> Self:
        """Locate the parts of `grid`; ValueError when one is missing or cut off."""
        tags = (STRIP_OFFSETS, STRIP_LENGTHS)
        if grid.is_tiled:
            tags = (TILE_OFFSETS, TILE_LENGTHS)
        offsets = ifd.integers(tags[0])[: grid.count]
        if offsets.size < grid.count:
            raise ValueError("strips or tiles are missing")
        size = len(ifd.data)
        if ((offsets < _HEADER_BYTES) | (offsets >= size)).any():
            raise ValueError("strips or tiles are not in the file")
        claimed = np.zeros(grid.count, np.uint64)
        values = _values(ifd, tags[1])[: grid.count]
        claimed[: values.size] = values
        compression = ifd.integer(COMPRESSION, default=UNCOMPRESSED)
        if compression == UNCOMPRESSED:
            lengths = _uncompressed_lengths(ifd, grid, height)
            if (lengths > size - offsets).any():
                raise ValueError("strips or tiles are cut off")
        else:
            lengths = _corrected(ifd, offsets, claimed, compression)
        return cls(grid, offsets, lengths)

    def changes(self, ifd: Ifd) -> dict[int, list[int]]:
        """The values of those tags that differ in the file, by tag."""
        is_tiled = self.grid.is_tiled
        correct = {
            TILE_OFFSETS if is_tiled else STRIP_OFFSETS: self.offsets,
            TILE_LENGTHS if is_tiled else STRIP_LENGTHS: self.lengths,
        }
        claimed = ifd.integer(ROWS_PER_STRIP, default=self.grid.rows)
        is_single_strip = self.grid.down == 1 and claimed == _ALL_ROWS
        if not is_tiled and claimed != self.grid.rows and not is_single_strip:
            correct[ROWS_PER_STRIP] = np.array([self.grid.rows], np.uint64)
        return {
            tag: values.tolist()
            for tag, values in correct.items()
            if not np.array_equal(values, _values(ifd, tag))
        }


def _values(ifd: Ifd, tag: int) -> NDArray[np.uint64]:
    """The values of a tag; an empty array where they are not in the file."""
    try:
        return ifd.integers(tag)
    except ValueError:
        return np.empty(0, np.uint64)


def _uncompressed_lengths(ifd: Ifd, grid: Grid, height: int) -> NDArray[np.uint64]:
    """The bytes of each uncompressed part; the last strips have the remaining rows."""
    rows = np.full(grid.down, grid.rows, np.uint64)
    if not grid.is_tiled:
        rows[-1] = height - grid.rows * (grid.down - 1)
    row_bytes = np.uint64(math.ceil(row_bits(ifd, grid.columns) / 8))
    return np.tile(np.repeat(rows * row_bytes, grid.across), grid.planes)


def _corrected(
    ifd: Ifd,
    offsets: NDArray[np.uint64],
    claimed: NDArray[np.uint64],
    compression: int,
) -> NDArray[np.uint64]:
    """The lengths as claimed; those that are impossible reach to what follows in the file."""
    data = ifd.data
    size = np.uint64(len(data))
    wrong = (claimed == 0) | (claimed > size - offsets)
    if not wrong.any():
        return claimed
    starts = np.append(np.unique(offsets), size)
    following = starts[np.searchsorted(starts, offsets, side="right")]
    start = np.uint64(ifd.start)
    before = (offsets < start) & (start < following)
    room = np.where(before, start, following) - offsets
    lengths = np.where(wrong, room, claimed)
    cut_off = wrong & (claimed > 0)
    if compression in _FAXES and cut_off.any():
        raise ValueError("strips or tiles are cut off")
    if compression in _JPEGS:
        ends = zip(offsets[wrong].tolist(), room[wrong].tolist(), strict=True)
        if any(data.rfind(_END_OF_JPEG, at, at + length) < 0 for at, length in ends):
            raise ValueError("JPEGs are cut off")
    return lengths
