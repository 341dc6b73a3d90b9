"""How results of servers are put beside each other."""

from pathlib import Path

import pytest

from benchmarks.bars import Bar
from benchmarks.comparison.lineup import Disagreement, check_same
from benchmarks.comparison.programs import Model
from benchmarks.comparison.results import Cell, CellResults, Result, event_rate

CELL = Cell(Model("net", Path("net.xml"), "yunet"), "small", 4)


def result(rate: float, p50: float = 1.0) -> Result:
    return Result(rate, p50, None, None, cpu_ms=1.0, memory_mb=1.0)


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


def test_a_round_that_failed_leaves_no_ratio() -> None:
    results = CellResults(CELL, {"ours": [result(10), result(10)], "a": [result(5), None]})
    assert results.ratio("ours", "rate", "a") is None
    assert results.ratio("ours", "p95_ms", "ours") is None


@pytest.mark.parametrize(
    ("bar", "word"),
    [
        (Bar("rate", lambda results: 0.9, least=0.9), "met"),
        (Bar("rate", lambda results: 0.899, least=0.9), "MISSED"),
        (Bar("time", lambda results: 3.0, most=3.0), "met"),
        (Bar("time", lambda results: 3.001, most=3.0), "MISSED"),
        (Bar("time", lambda results: None, most=3.0), "NOT MEASURED"),
    ],
)
def test_a_bar_is_met_up_to_its_bound(bar: Bar, word: str) -> None:
    row, met = bar.row(CellResults(CELL))
    assert row[-1] == word
    assert met is (word == "met")


def test_boxes_that_agree_do_so_in_any_order() -> None:
    ours, others = [(0.0, 0.0, 9.0, 9.0), (20.0, 0.0, 29.0, 9.0)], [(0.0, 0.0, 9.0, 9.1)]
    check_same(ours, [(20.1, 0.0, 29.0, 9.0), *others])
    with pytest.raises(Disagreement, match="1 boxes instead of 2"):
        check_same(ours, others)
    with pytest.raises(Disagreement, match="IoU 0.00"):
        check_same(ours, [*others, (40.0, 0.0, 49.0, 9.0)])
