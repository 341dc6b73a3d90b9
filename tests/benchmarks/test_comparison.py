"""How results of servers are put beside each other."""

from pathlib import Path

import pytest

from benchmarks.bars import Mark
from benchmarks.comparison.contenders import check_same
from benchmarks.comparison.results import TABLE_HEADER, Cell, CellResults, Result, event_rate
from benchmarks.comparison.servers import Model

CELL = Cell(Model("net", Path("net.xml"), "yunet"), "small", 4)


def result(rate: float, p50: float = 1.0) -> Result:
    return Result(rate, p50, cpu_ms=1.0, memory_mb=1.0)


def test_a_rate_does_not_depend_on_where_the_time_is_cut() -> None:
    times = [0.25 * number for number in range(40)]
    assert event_rate(times) == pytest.approx(4.0)
    assert event_rate(times[7:23]) == pytest.approx(4.0)


def test_two_events_are_no_rate() -> None:
    with pytest.raises(ValueError, match="2 events"):
        event_rate([0.0, 1.0])


def test_ratios_are_those_to_the_best_neighbour_of_the_same_round() -> None:
    results = CellResults(
        CELL,
        {
            "ours": [result(10, 4), result(20, 2), result(40, 8)],
            "a": [result(5, 2), result(10, 4), result(80, 8)],
            "b": [result(1, 1), result(40, 1), result(10, 2)],
        },
    )
    assert results.ratio("ours", "rate", "a", "b") == pytest.approx(0.5)
    assert results.ratio("ours", "p50_ms", "a", "b") == pytest.approx(4.0)
    assert results.difference("ours", "p50_ms", "a") == pytest.approx(0.0)


def test_a_row_has_medians_and_ratios_to_benchmark_app() -> None:
    rows = CellResults(
        CELL,
        {"benchmark_app": [result(20, 4)], "ours": [result(10, 8)], "gone": [None]},
    ).rows()
    assert [len(row) for row in rows] == [len(TABLE_HEADER)] * 3
    assert rows[1][1:] == ["ours", "10.0", "0.50", "8.0", "1.00", "1.00", "1"]
    assert rows[2][2:] == ["-"] * 6


def test_a_round_that_failed_leaves_no_ratio() -> None:
    results = CellResults(CELL, {"ours": [result(10), result(10)], "a": [result(5), None]})
    assert results.ratio("ours", "rate", "a") is None


@pytest.mark.parametrize(
    ("mark", "value", "word"),
    [
        (Mark("rate", least=0.9), 0.9, "met"),
        (Mark("rate", least=0.9), 0.899, "MISSED"),
        (Mark("time", most=3.0), 3.0, "met"),
        (Mark("time", most=3.0), 3.001, "MISSED"),
        (Mark("time", most=3.0), None, "NOT MEASURED"),
    ],
)
def test_a_mark_is_met_up_to_its_bound(mark: Mark, value: float | None, word: str) -> None:
    row, met = mark.row(value)
    assert row[-1] == word
    assert met is (word == "met")


def test_boxes_that_agree_do_so_in_any_order() -> None:
    ours, others = [(0.0, 0.0, 9.0, 9.0), (20.0, 0.0, 29.0, 9.0)], [(0.0, 0.0, 9.0, 9.1)]
    check_same(ours, [(20.1, 0.0, 29.0, 9.0), *others])
    with pytest.raises(RuntimeError, match="1 boxes instead of 2"):
        check_same(ours, others)
    with pytest.raises(RuntimeError, match="IoU 0.00"):
        check_same(ours, [*others, (40.0, 0.0, 49.0, 9.0)])
