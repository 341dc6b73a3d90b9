"""The table of results: the order in which they give way, and the bound of its memory."""

import os
import sys
import tracemalloc
from collections import OrderedDict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facewire_server.inference.detector import Detections, Stages
from facewire_server.inference.heads.base import Found
from facewire_server.inference.response_cache import ENTRY_BYTES, ResponseCache
from facewire_server.models.description import Description
from tests.server.cache_counts import Counts

ROW_BYTES = 4 * (4 + 1 + 1 + 10)
"""A box, a confidence, a class and five landmarks."""

DESCRIPTION = Description(
    name="m",
    labels=("face",),
    head="",
    resize="standard",
    input_width=8,
    input_height=8,
    device="CPU",
    precision="FP32",
    sha256="0" * 64,
    min_confidence=0.5,
    iou_threshold=0.5,
)


def result(rows: int, width: int = 8) -> Detections:
    """A result of so many rows, which are views of larger arrays as those of a detector."""
    room = Found.allocate(1000, landmarks=True)
    found = Found(*(array[:rows] for array in room.arrays))
    return Detections(DESCRIPTION, found, width, 8, Stages(1.0, 2.0, 3.0))


@settings(deadline=None)
@given(
    st.integers(0, 9 * ENTRY_BYTES),
    st.lists(st.tuples(st.booleans(), st.integers(0, 12), st.integers(0, 30)), max_size=60),
)
def test_the_one_not_asked_for_longest_gives_way_and_the_bound_holds(
    bound: int, steps: list[tuple[bool, int, int]]
) -> None:
    counts = Counts()
    cache = ResponseCache(bound, counts)
    expected: OrderedDict[bytes, int] = OrderedDict()
    for puts, key, rows in steps:
        digest = bytes([key])
        if puts:
            cache.put(digest, result(rows))
            if ENTRY_BYTES + rows * ROW_BYTES > bound:
                continue
            expected.pop(digest, None)
            expected[digest] = rows
            while size_of(expected) > bound:
                expected.popitem(last=False)
        else:
            kept = cache.get(digest)
            assert (kept and len(kept.found.boxes)) == expected.get(digest)
            if kept:
                expected.move_to_end(digest)
        assert counts.size == size_of(expected)
    assert counts.largest <= bound


def size_of(kept: OrderedDict[bytes, int]) -> int:
    return sum(ENTRY_BYTES + rows * ROW_BYTES for rows in kept.values())


@pytest.mark.parametrize("rows", [0, 1, 20])
def test_no_more_memory_is_allocated_than_the_bound(rows: int) -> None:
    bound, counts = 4 << 20, Counts()
    cache = ResponseCache(bound, counts)
    one = result(rows)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(2 * bound // ENTRY_BYTES):
            cache.put(os.urandom(32), replace(one, width=1000 + number))
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert bound / 2 < after - before <= counts.size <= bound


@pytest.fixture
def busy_threads() -> Iterator[None]:
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("busy_threads")
def test_many_threads_share_a_cache() -> None:
    bound, counts = 5 * ENTRY_BYTES, Counts()
    cache = ResponseCache(bound, counts)

    def use(seed: int) -> None:
        keys = np.random.default_rng(seed).integers(0, 10, 3000).tolist()
        for key in keys:
            kept = cache.get(bytes([key]))
            if kept is None:
                cache.put(bytes([key]), result(key % 5, width=key))
            else:
                assert (kept.width, len(kept.found.boxes)) == (key, key % 5)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(use, range(8)))
    assert 0 < counts.size <= counts.largest <= bound
    kept = {key: key % 5 for key in range(10) if cache.get(bytes([key]))}
    assert counts.size == sum(ENTRY_BYTES + rows * ROW_BYTES for rows in kept.values())


def test_what_is_kept_is_a_copy_marked_as_cached_without_times() -> None:
    cache = ResponseCache(1 << 20, Counts())
    one = result(2)
    one.found.boxes[:] = 7
    cache.put(b"1", one)
    one.found.boxes[:] = 0
    kept = cache.get(b"1")
    assert kept is not None
    assert (kept.found.boxes == 7).all()
    assert all(array.base is None for array in kept.found.arrays)
    assert (kept.cached, one.cached) == (True, False)
    assert kept.stages == Stages(0, 0, 0)
