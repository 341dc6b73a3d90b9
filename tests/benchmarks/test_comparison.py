"""How results of servers are put beside each other."""

from pathlib import Path

import pytest

from benchmarks.bars import Mark
from benchmarks.comparison.models import Model
from benchmarks.comparison.pace import pace
from benchmarks.comparison.result import Cell, Result
from benchmarks.comparison.turns import Turns

CELL = Cell(Model("net", Path("net.xml"), "yunet"), "small", 4)


def result(rate: float, p50: float = 1.0) -> Result:
    return Result(rate=rate, p50_ms=p50, p95_ms=None, p99_ms=None, cpu_ms=1.0, memory_mb=1.0)


def test_a_rate_does_not_depend_on_where_the_time_is_cut() -> None:
    times = [0.25 * number for number in range(40)]
    assert pace(times) == pytest.approx(4.0)
    assert pace(times[7:23]) == pytest.approx(4.0)


def test_two_events_are_no_rate() -> None:
    with pytest.raises(ValueError, match="2 events"):
        pace([0.0, 1.0])


def test_ratios_are_those_to_the_best_neighbour_of_the_same_round() -> None:
    turns = Turns(
        CELL,
        {
            "ours": [result(10, 4), result(20, 2), result(40, 8)],
            "a": [result(5, 2), result(10, 4), result(80, 8)],
            "b": [result(1, 1), result(40, 1), result(10, 2)],
        },
    )
    assert turns.ratio("ours", "rate", "a", "b") == pytest.approx(0.5)
    assert turns.ratio("ours", "p50_ms", "a", "b") == pytest.approx(4.0)
    assert turns.difference("ours", "p50_ms", "a") == pytest.approx(0.0)


def test_a_round_that_failed_leaves_no_ratio() -> None:
    turns = Turns(CELL, {"ours": [result(10), result(10)], "a": [result(5), None]})
    assert turns.ratio("ours", "rate", "a") is None
    assert turns.ratio("ours", "p95_ms", "ours") is None


@pytest.mark.parametrize(
    ("mark", "word"),
    [
        (Mark("rate", lambda turns: 0.9, least=0.9), "met"),
        (Mark("rate", lambda turns: 0.899, least=0.9), "MISSED"),
        (Mark("time", lambda turns: 3.0, most=3.0), "met"),
        (Mark("time", lambda turns: 3.001, most=3.0), "MISSED"),
        (Mark("time", lambda turns: None, most=3.0), "NOT MEASURED"),
    ],
)
def test_a_mark_is_met_up_to_its_bound(mark: Mark, word: str) -> None:
    row, met = mark.row(Turns(CELL))
    assert row[-1] == word
    assert met is (word == "met")
