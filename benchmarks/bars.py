"""Measure the server beside others, and say which of its marks are met on this machine.

Each is a median over the rounds, of ratios to a neighbour of the same round. The exit status
is 1 when one is missed. See docs/comparison.md.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import click

from benchmarks.comparison.contenders import compare
from benchmarks.comparison.results import TABLE_HEADER, Cell, CellResults
from benchmarks.comparison.servers import (
    FD_0205,
    LIMIT,
    OURS,
    OURS_V2,
    PEERS,
    PINNED,
    THROUGHPUT,
    YUNET_640,
)
from benchmarks.harness.images import photos
from benchmarks.harness.rounds import table
from benchmarks.harness.settings import print_settings, progress, rounds_option, seconds_option
from benchmarks.health import worst_p99
from benchmarks.overload import overloads

TEXTBOOK = "textbook"
KINDS = ("0205", "small", "alone", "large", "overload", "health")
Value = Callable[[CellResults], float | None]


class Mark(NamedTuple):
    """What is measured, and the least or the most that it may be."""

    what: str
    least: float | None = None
    most: float = 0.0
    value: Value = lambda results: None

    def row(self, value: float | None, cell: str = "") -> tuple[list[str], bool]:
        """The row of the table, and whether the mark is met."""
        bound = f"at most {self.most:g}" if self.least is None else f"at least {self.least:g}"
        if value is None:
            return [cell, self.what, "-", bound, "NOT MEASURED"], False
        met = value <= self.most if self.least is None else value >= self.least
        return [cell, self.what, f"{value:.3f}", bound, "met" if met else "MISSED"], met


class Trial(NamedTuple):
    """A kind, a cell, those that take part beside the peers, and its marks."""

    kind: str
    cell: Cell
    names: Sequence[str]
    marks: Sequence[Mark]


def _ratio(value: str, *others: str) -> Value:
    return lambda results: results.ratio(OURS, value, *others)


BEST_PEER = "best of KServe, MLServer"
MARKS_0205 = (
    Mark("CPU x benchmark_app", most=1.10, value=_ratio("cpu_ms", LIMIT)),
    Mark("requests/s x textbook", least=1.10, value=_ratio("rate", TEXTBOOK)),
)
SMALL = (
    Mark("CPU x benchmark_app", most=1.25, value=_ratio("cpu_ms", LIMIT)),
    Mark("requests/s x benchmark_app", least=0.78, value=_ratio("rate", LIMIT)),
    Mark(f"requests/s x {BEST_PEER}", least=1.20, value=_ratio("rate", *PEERS)),
)
ALONE = (
    Mark(
        "p50 - benchmark_app's, ms", most=1.5, value=lambda r: r.difference(OURS, "p50_ms", LIMIT)
    ),
    Mark(f"CPU x {BEST_PEER}", most=1.0, value=_ratio("cpu_ms", *PEERS)),
)
FULL_HD = (Mark("requests/s x textbook", least=1.40, value=_ratio("rate", TEXTBOOK)),)
LARGEST = (Mark("requests/s x textbook", least=2.6, value=_ratio("rate", TEXTBOOK)),)
TRIALS = (
    Trial("0205", Cell(FD_0205, "small", 16), (LIMIT, OURS, TEXTBOOK), MARKS_0205),
    Trial("small", Cell(YUNET_640, "small", 16), (LIMIT, OURS, OURS_V2, TEXTBOOK), SMALL),
    Trial("alone", Cell(YUNET_640, "small", 1), (LIMIT, OURS, OURS_V2, THROUGHPUT), ALONE),
    Trial("large", Cell(YUNET_640, "1080p", 16), (OURS, TEXTBOOK), FULL_HD),
    Trial("large", Cell(YUNET_640, "12mp", 16), (OURS, TEXTBOOK), LARGEST),
)
OVERLOAD = (
    Mark("goodput x capacity", least=0.94),
    Mark("goodput x capacity, deadline of 200 ms", least=0.95),
    Mark("p99 of the accepted x p50 at capacity", most=2.0),
)


def compared(
    trials: Sequence[Trial], seconds: float, rounds: int
) -> Iterator[tuple[list[str], bool]]:
    """Measure trials of one model; the rows of their marks."""
    path = trials[0].cell.model.path
    if not path.exists():
        progress(f"LEFT OUT: there is no {path}")
        return
    files = {size: photos(size) for size in dict.fromkeys(each.cell.size for each in trials)}
    plan = [(each.cell, (*each.names, *PEERS)) for each in trials]
    results = compare(plan, files, seconds, rounds)
    print(f"\n{table(TABLE_HEADER, [row for each in results for row in each.rows()])}", flush=True)
    for trial, found in zip(trials, results, strict=True):
        yield from (mark.row(mark.value(found), str(trial.cell)) for mark in trial.marks)


@click.command(help=__doc__)
@click.option("--only", type=click.Choice(KINDS), multiple=True, default=KINDS)
@seconds_option(8, "In a cell, a round; for health, of each image.")
@rounds_option(3)
@click.option("--overload-seconds", type=float, default=60, show_default=True)
def main(only: tuple[str, ...], seconds: float, rounds: int, overload_seconds: float) -> None:
    print_settings(seconds=seconds, rounds=rounds, overload_seconds=overload_seconds, peers=PINNED)
    rows: list[tuple[list[str], bool]] = []
    for model in (FD_0205, YUNET_640):
        trials = [each for each in TRIALS if each.kind in only and each.cell.model == model]
        rows += compared(trials, seconds, rounds) if trials else ()
    if "overload" in only:
        (_, freely, p99), (_, in_time, _) = overloads(overload_seconds)
        values = zip(OVERLOAD, (freely, in_time, p99), strict=True)
        rows += [mark.row(value, "YuNet 640, twice the capacity") for mark, value in values]
    if "health" in only:
        rows.append(Mark("p99, ms", most=50).row(worst_p99(seconds), "health, large messages"))
    print(f"\n{table(('cell', 'what', 'measured', 'mark', ''), [row for row, _ in rows])}")
    raise SystemExit(0 if all(met for _, met in rows) else 1)


if __name__ == "__main__":
    main()
