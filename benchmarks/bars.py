"""Say which of the bars that the server is held to are met on this machine.

Each is a ratio to a neighbour of the same round, its median over the rounds. The exit status
is 1 when one is missed. See docs/comparison.md.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import click

from benchmarks.comparison.contenders import compare
from benchmarks.comparison.results import Cell, CellResults
from benchmarks.comparison.servers import LIMIT, MODELS, OURS, PEERS, PINNED, THROUGHPUT
from benchmarks.harness.images import photos
from benchmarks.harness.settings import print_settings, rounds_option, seconds_option
from facewire_client.cli.table import align

TEXTBOOK = "textbook"


class Bar(NamedTuple):
    """What is looked at, and the least or the most that it may be."""

    what: str
    value: Callable[[CellResults], float | None]
    least: float | None = None
    most: float = 0.0

    def row(self, results: CellResults) -> tuple[tuple[str, ...], bool]:
        """The row of the table, and whether the bar is met."""
        value = self.value(results)
        bound = f"at most {self.most}" if self.least is None else f"at least {self.least}"
        if value is None:
            return (str(results.cell), self.what, "-", bound, "NOT MEASURED"), False
        met = value <= self.most if self.least is None else value >= self.least
        word = "met" if met else "MISSED"
        return (str(results.cell), self.what, f"{value:.3f}", bound, word), met


class Trial(NamedTuple):
    """A kind, a cell, those that take part beside the peers, and its own bars."""

    kind: str
    cell: Cell
    names: Sequence[str]
    bars: Sequence[Bar]


def _ratio(value: str, *others: str) -> Callable[[CellResults], float | None]:
    return lambda results: results.ratio(OURS, value, *others)


SMALL_16 = (
    Bar("CPU x benchmark_app", _ratio("cpu_ms", LIMIT), most=1.20),
    Bar("requests/s x benchmark_app", _ratio("rate", LIMIT), least=0.85),
)
SMALL_1 = (
    Bar("p50 - benchmark_app's, ms", lambda found: found.difference(OURS, "p50_ms", LIMIT), most=3),
    Bar("p50 x throughput mode", _ratio("p50_ms", THROUGHPUT), most=0.7),
)
FULL_HD = (Bar("requests/s x textbook", _ratio("rate", TEXTBOOK), least=1.35),)
LARGEST = (Bar("requests/s x textbook", _ratio("rate", TEXTBOOK), least=2.2),)
HEAVY = (Bar("requests/s x benchmark_app", _ratio("rate", LIMIT), least=0.97),)
AHEAD = (
    Bar("requests/s x best of KServe, MLServer", _ratio("rate", *PEERS), least=1.0),
    Bar("p50 x best of KServe, MLServer", _ratio("p50_ms", *PEERS), most=1.0),
    Bar("CPU x best of KServe, MLServer", _ratio("cpu_ms", *PEERS), most=1.0),
)
"""Bars of every trial in which the peers take part."""
YUNET, REBUILD = MODELS["yunet-640"], MODELS["0206-int8"]
TRIALS = (
    Trial("small", Cell(YUNET, "small", 16), (LIMIT, OURS, TEXTBOOK), SMALL_16),
    Trial("small", Cell(YUNET, "small", 1), (LIMIT, OURS, THROUGHPUT), SMALL_1),
    Trial("large", Cell(YUNET, "1080p", 16), (OURS, TEXTBOOK), FULL_HD),
    Trial("large", Cell(YUNET, "12mp", 16), (OURS, TEXTBOOK), LARGEST),
    Trial("heavy", Cell(REBUILD, "small", 8), (LIMIT, OURS), HEAVY),
)
KINDS = ("small", "large", "heavy")


@click.command(help=__doc__)
@click.option("--only", type=click.Choice(KINDS), multiple=True, default=KINDS)
@click.option("--rivals/--no-rivals", default=True, help="KServe and MLServer.")
@seconds_option(8, "In a cell, a round.")
@rounds_option(3)
def main(only: tuple[str, ...], rivals: bool, seconds: float, rounds: int) -> None:
    trials = [trial for trial in TRIALS if trial.kind in only]
    files = {size: photos(size) for size in dict.fromkeys(trial.cell.size for trial in trials)}
    print_settings(seconds=seconds, rounds=rounds, rivals=PINNED if rivals else "none")
    rows: list[Sequence[str]] = [("cell", "what", "is", "bar", "")]
    all_met = True
    for model in dict.fromkeys(trial.cell.model for trial in trials):
        own = [trial for trial in trials if trial.cell.model == model]
        plan = [(each.cell, (*each.names, *(PEERS if rivals else ()))) for each in own]
        used = {cell.size: files[cell.size] for cell, _ in plan}
        for trial, found in zip(own, compare(plan, used, seconds, rounds), strict=True):
            print(f"\n{found.table()}", flush=True)
            for bar in (*trial.bars, *(AHEAD if rivals else ())):
                row, met = bar.row(found)
                rows.append(row)
                all_met &= met
    print(f"\n{align(rows)}")
    raise SystemExit(0 if all_met else 1)


if __name__ == "__main__":
    main()
