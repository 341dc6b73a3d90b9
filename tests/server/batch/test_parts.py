"""Work items are divided so that workers are busy and little is lost or read twice."""

from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest

from facewire_server.batch import parts
from facewire_server.batch.parts import MOST_IN_UNIT, NUMBER, divide, unit_of
from facewire_server.batch.source import ITEMS

MEBI = 1 << 20


def files(count: int) -> pa.Table:
    return table([(str(number), b"x", -1, None, None) for number in range(count)])


def table(rows: list[tuple[Any, ...]]) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(ITEMS.names, row, strict=True)) for row in rows], ITEMS)


def group(place: bytes, number: int, count: int, size: int = 100_000) -> list[tuple[Any, ...]]:
    return [(f"{place!r}#{number}#{row}", place, size, number, row) for row in range(count)]


@pytest.mark.parametrize(
    ("gflops", "cores", "expected"),
    [(0.0, 1, MOST_IN_UNIT), (10.0, 1, 38), (340.0, 1, 1), (340.0, 8, 9), (1e6, 1, 1)],
)
def test_a_unit_is_some_seconds_of_work(gflops: float, cores: int, expected: int) -> None:
    assert unit_of(gflops, cores) == expected


@pytest.mark.parametrize(("far", "most"), [(False, 10), (True, 40)])
def test_each_item_is_in_one_part_and_numbered(far: bool, most: int) -> None:
    made = list(divide(files(1000), 10, 2, far=far))
    assert [each.num_rows for each in made] == [most] * (1000 // most)
    numbers = [number for part in made for number in part[NUMBER].to_pylist()]
    assert numbers == list(range(1000))


def test_few_photos_are_shared_out() -> None:
    assert len(list(divide(files(20), 64, 2, far=False))) == 10
    assert [each.num_rows for each in divide(files(1), 64, 2, far=False)] == [1]


def test_very_many_photos_are_in_larger_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "MOST_PARTS", 10)
    assert {each.num_rows for each in divide(files(1000), 7, 1, far=False)} == {100}


def test_a_part_is_of_one_row_group() -> None:
    rows = [*group(b"a", 0, 30), *group(b"a", 1, 30), *group(b"b", 1, 5), *group(b"b", 2, 7)]
    made = [each.to_pylist() for each in divide(table(rows), 8, 1, far=False)]
    for part in made:
        assert len({(each["place"], each["group"]) for each in part}) == 1
    assert sum(map(len, made)) == 72


def test_a_large_row_group_is_not_read_from_its_beginning_often() -> None:
    """Otherwise what is read grows with the square of its size."""
    small = list(divide(table(group(b"a", 0, 1000, MEBI)), 8, 100, far=False))
    assert len(small) == 500, "more workers than this is read for"
    large = list(divide(table(group(b"a", 0, 1000, MEBI)), 8, 1, far=False))
    assert {each.num_rows for each in large} == {125}


def test_parts_follow_each_other() -> None:
    made = list(divide(files(100), 7, 1, far=False))
    ends = [(part[NUMBER][0].as_py(), part[NUMBER][-1].as_py()) for part in made]
    assert all(end + 1 == start for (_, end), (start, _) in pairwise(ends))
