"""The strips and tiles of a TIFF file: all there, and no more than its pixels need.

Rule: pixels that are missing are refused, not numbers that are wrong. Of the lengths
of strips, decoders believe none, or one alone, and many writers get them wrong; what
is read here are those that are needed.
"""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from facewire_server.image.formats.tiff_ifd import Ifd
from facewire_server.image.formats.tiff_tags import (
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
    UNCOMPRESSED,
    row_bits,
)

_END_OF_JPEG = b"\xff\xd9"
# Fax codings fill what is missing with white, and JPEG with grey, without a word.
_FAXES, _JPEGS = frozenset({2, 3, 4}), frozenset({6, 7})
_HEADER_BYTES = 8
# The rows of a strip that has all of them. With other numbers that are higher than the
# image Pillow computes how much memory the strip takes, and refuses that.
_ALL_ROWS = (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class Grid:
    """How an image is cut: `across` x `down` parts of `columns` x `rows` pixels.

    `planes`: how many such grids follow each other, one for each sample or one in all.
    """

    tiled: bool
    columns: int
    rows: int
    across: int
    down: int
    planes: int

    @classmethod
    def of(cls, directory: Ifd, width: int, height: int) -> Self:
        """The grid of an image of this size; ValueError for tags that are broken."""
        planes = 1
        if directory.integer(PLANAR) == 2:
            planes = directory.integer(SAMPLES, default=1)
        tiled = TILE_OFFSETS in directory.entries
        if tiled:
            columns = directory.integer(TILE_WIDTH) or width
            rows = directory.integer(TILE_HEIGHT) or height
        else:
            columns = width
            rows = _strip_rows(directory, width, height, planes)
        across, down = math.ceil(width / columns), math.ceil(height / rows)
        return cls(tiled, columns, rows, across, down, planes)

    @property
    def count(self) -> int:
        """How many parts there have to be."""
        return self.across * self.down * self.planes


def _strip_rows(directory: Ifd, width: int, height: int, planes: int) -> int:
    """The rows of a strip; where the tag claims all of them, what its length tells."""
    rows = min(directory.integer(ROWS_PER_STRIP) or height, height)
    strips = directory.integers(STRIP_OFFSETS).size
    if rows < height or strips <= planes:
        return rows
    lengths = directory.integers(STRIP_LENGTHS)
    row = row_bits(directory, width) // 8
    if directory.integer(COMPRESSION, default=1) != UNCOMPRESSED or not lengths.size:
        raise ValueError("several strips, each of which has all rows")
    rows = int(lengths[0]) // max(row, 1)
    if not 0 < rows < height or math.ceil(height / rows) * planes != strips:
        raise ValueError("several strips, each of which has all rows")
    return rows


@dataclass(frozen=True, slots=True)
class Parts:
    """Where the strips or tiles lie in the file, those that are needed: [N] each."""

    grid: Grid
    offsets: NDArray[np.uint64]
    lengths: NDArray[np.uint64]

    @classmethod
    def read(cls, directory: Ifd, grid: Grid, height: int) -> Self:
        """The parts of `grid`; ValueError when one is missing or cut off."""
        tags = (STRIP_OFFSETS, STRIP_LENGTHS)
        if grid.tiled:
            tags = (TILE_OFFSETS, TILE_LENGTHS)
        offsets = directory.integers(tags[0])[: grid.count]
        if offsets.size < grid.count:
            raise ValueError("strips or tiles are missing")
        size = len(directory.data)
        if ((offsets < _HEADER_BYTES) | (offsets >= size)).any():
            raise ValueError("strips or tiles are not in the file")
        claimed = np.zeros(grid.count, np.uint64)
        counts = _counts(directory, tags[1])[: grid.count]
        claimed[: counts.size] = counts
        coding = directory.integer(COMPRESSION, default=UNCOMPRESSED)
        if coding == UNCOMPRESSED:
            lengths = _needed(directory, grid, height)
            if (lengths > size - offsets).any():
                raise ValueError("strips or tiles are cut off")
        else:
            lengths = _corrected(directory, offsets, claimed, coding)
        return cls(grid, offsets, lengths)

    def changes(self, directory: Ifd) -> dict[int, list[int]]:
        """The tags that do not say so in the file, and what they should say."""
        tiled = self.grid.tiled
        right = {
            TILE_OFFSETS if tiled else STRIP_OFFSETS: self.offsets,
            TILE_LENGTHS if tiled else STRIP_LENGTHS: self.lengths,
        }
        claimed = directory.integer(ROWS_PER_STRIP, default=self.grid.rows)
        whole = self.grid.down == 1 and claimed == _ALL_ROWS
        if not tiled and claimed != self.grid.rows and not whole:
            right[ROWS_PER_STRIP] = np.array([self.grid.rows], np.uint64)
        return {
            tag: values.tolist()
            for tag, values in right.items()
            if not np.array_equal(values, _counts(directory, tag))
        }


def _counts(directory: Ifd, tag: int) -> NDArray[np.uint64]:
    """The values of a tag; none where they are not in the file."""
    try:
        return directory.integers(tag)
    except ValueError:
        return np.empty(0, np.uint64)


def _needed(directory: Ifd, grid: Grid, height: int) -> NDArray[np.uint64]:
    """The bytes of each part, uncompressed: the last strips have what rows are left."""
    rows = np.full(grid.down, grid.rows, np.uint64)
    if not grid.tiled:
        rows[-1] = height - grid.rows * (grid.down - 1)
    row = np.uint64(math.ceil(row_bits(directory, grid.columns) / 8))
    return np.tile(np.repeat(rows * row, grid.across), grid.planes)


def _corrected(
    directory: Ifd,
    offsets: NDArray[np.uint64],
    claimed: NDArray[np.uint64],
    coding: int,
) -> NDArray[np.uint64]:
    """The lengths as claimed; where they cannot be, up to what follows in the file."""
    data = directory.data
    size = np.uint64(len(data))
    wrong = (claimed == 0) | (claimed > size - offsets)
    if not wrong.any():
        return claimed
    starts = np.append(np.unique(offsets), size)
    following = starts[np.searchsorted(starts, offsets, side="right")]
    start = np.uint64(directory.start)
    before = (offsets < start) & (start < following)
    room = np.where(before, start, following) - offsets
    lengths = np.where(wrong, room, claimed)
    cut_off = wrong & (claimed > 0)
    if coding in _FAXES and cut_off.any():
        raise ValueError("strips or tiles are cut off")
    if coding in _JPEGS:
        ends = zip(offsets[wrong].tolist(), room[wrong].tolist(), strict=True)
        if any(data.rfind(_END_OF_JPEG, at, at + length) < 0 for at, length in ends):
            raise ValueError("JPEGs are cut off")
    return lengths
