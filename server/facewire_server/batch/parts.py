"""The division of work items into parts, each of which one worker takes as a whole.

Rule: a part is divided into units, whose rows are handed over together: it depends on the
items alone where a unit ends, so that a part which is worked on again yields the same units.
"""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

NUMBER = "number"

UNIT_SECONDS = 4.0
"""How much work the rows of a unit may have cost, about: it is lost when a job is broken off."""

MOST_IN_UNIT = 512

PHOTO_SECONDS = 0.005
"""Of a core, for a photo apart from the network."""

SPEED = 100.0
"""GFLOPs a second of a core, about."""

UNITS_OF_FAR = 4
"""Units in a part, if the photos are far: the next ones are read ahead only within a part."""

GROUP_BYTES = 128 << 20
SHARE_OF_GROUP = 8
"""A row group of Parquet can be read from its beginning alone. A part has at least so many bytes
of it, or this share, so that what is read in vain stays within few times its size."""

PARTS_OF_WORKER = 8
"""At least, if there are enough photos: so that all workers are busy until the end."""

MOST_PARTS = 4096
"""Of a job, about: Ray takes some milliseconds for each before the work begins."""


def unit_of(gflops: float, cores: int) -> int:
    """Return how many photos a unit has, given the cost of the network for one photo."""
    seconds = PHOTO_SECONDS + gflops / (SPEED * cores)
    return max(1, min(MOST_IN_UNIT, int(UNIT_SECONDS / seconds)))


def divide(items: pa.Table, unit: int, workers: int, *, far: bool) -> Iterator[pa.Table]:
    """Divide items, which are numbered here, into parts. Those of Parquet are of one row group."""
    total = items.num_rows
    items = items.append_column(NUMBER, pa.array(np.arange(total)))
    fair = max(1, -(-total // (workers * PARTS_OF_WORKER)))
    usual = max(min(fair, unit * UNITS_OF_FAR if far else unit), -(-total // MOST_PARTS))
    for start, end in _groups(items):
        is_file = items["group"][start].as_py() is None
        size = usual if is_file else _of_group(items["size"][start].as_py(), end - start, fair)
        yield from (items.slice(at, min(size, end - at)) for at in range(start, end, size))


def _of_group(photo_bytes: int, count: int, fair: int) -> int:
    """Return how many photos of a row group are in a part."""
    least = max(GROUP_BYTES // max(1, photo_bytes), count // SHARE_OF_GROUP, 1)
    return min(least, fair)


def _groups(items: pa.Table) -> Iterator[tuple[int, int]]:
    """Yield where the items of a row group begin and end; those of files are one group."""
    groups = items["group"].combine_chunks().fill_null(-1).to_numpy(zero_copy_only=False)
    places = items["place"].combine_chunks()
    moves = pc.not_equal(places.slice(1), places.slice(0, len(places) - 1))
    is_break = np.diff(groups) != 0
    is_break |= moves.to_numpy(zero_copy_only=False) & (groups[1:] >= 0)
    bounds = [0, *(np.flatnonzero(is_break) + 1).tolist(), len(places)]
    return pairwise(bounds)
