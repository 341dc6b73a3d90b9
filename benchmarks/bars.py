"""Say which of the bars that the server is held to are met on this machine.

Each bar is a ratio to a neighbour of the same round, its median over the rounds. The
exit status is 1 when one is missed. Overload has a command of its own,
`python -m benchmarks.overload`. See docs/comparison.md.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import click

from benchmarks.comparison.contenders import LIMIT
from benchmarks.comparison.lineup import Length, lineup, measured
from benchmarks.comparison.programs import MODELS, OURS, THROUGHPUT
from benchmarks.comparison.results import Cell, CellResults
from benchmarks.harness.images import describe, photos
from benchmarks.harness.program import exit_on_sigterm
from benchmarks.harness.settings import (
    Choices,
    Progress,
    machine,
    print_lines,
    rounds_option,
    seconds_option,
)
from benchmarks.rivals import venvs
from facewire_client.cli.table import align

PEERS = ("kserve", "kserve-loop", "mlserver", "mlserver-worker")
TEXTBOOK = "textbook"


@dataclass(frozen=True, slots=True)
class Bar:
    """What is looked at, and the least or the most that it may be."""

    what: str
    value: Callable[[CellResults], float | None]
    least: float | None = None
    most: float | None = None

    def row(self, results: CellResults) -> tuple[tuple[str, ...], bool]:
        """The row of the table, and whether the bar is met."""
        value = self.value(results)
        if value is None:
            return (str(results.cell), self.what, "-", self.bound, "NOT MEASURED"), False
        met = (self.least is None or value >= self.least) and (
            self.most is None or value <= self.most
        )
        word = "met" if met else "MISSED"
        return (str(results.cell), self.what, f"{value:.3f}", self.bound, word), met

    @property
    def bound(self) -> str:
        """In words."""
        return f"at most {self.most}" if self.least is None else f"at least {self.least}"


@dataclass(frozen=True, slots=True)
class Trial:
    """A cell of a model, those that take part beside the peers, and its bars."""

    model: str
    size: str
    concurrency: int
    names: Sequence[str]
    bars: Sequence[Bar]


def _ratio(value: str, *others: str) -> Callable[[CellResults], float | None]:
    return lambda results: results.ratio(OURS, value, *others)


def _slower_ms(results: CellResults) -> float | None:
    return results.difference(OURS, "p50_ms", LIMIT)


AHEAD = (
    Bar("requests/s x best of KServe, MLServer", _ratio("rate", *PEERS), least=1.0),
    Bar("p50 x best of KServe, MLServer", _ratio("p50_ms", *PEERS), most=1.0),
    Bar("CPU x best of KServe, MLServer", _ratio("cpu_ms", *PEERS), most=1.0),
)
SMALL_16 = (
    Bar("CPU x benchmark_app", _ratio("cpu_ms", LIMIT), most=1.20),
    Bar("requests/s x benchmark_app", _ratio("rate", LIMIT), least=0.85),
    *AHEAD,
)
SMALL_1 = (
    Bar("p50 less that of benchmark_app, ms", _slower_ms, most=3.0),
    Bar("p50 x throughput mode", _ratio("p50_ms", THROUGHPUT), most=0.7),
    *AHEAD,
)
FULL_HD = (Bar("requests/s x textbook", _ratio("rate", TEXTBOOK), least=1.35), *AHEAD)
LARGEST = (Bar("requests/s x textbook", _ratio("rate", TEXTBOOK), least=2.2), *AHEAD)
HEAVY = (Bar("requests/s x benchmark_app", _ratio("rate", LIMIT), least=0.97), *AHEAD)

TRIALS = {
    "small": (
        Trial("yunet-640", "small", 16, (LIMIT, OURS, TEXTBOOK), SMALL_16),
        Trial("yunet-640", "small", 1, (LIMIT, OURS, THROUGHPUT), SMALL_1),
    ),
    "large": (
        Trial("yunet-640", "1080p", 16, (OURS, TEXTBOOK), FULL_HD),
        Trial("yunet-640", "12mp", 16, (OURS, TEXTBOOK), LARGEST),
    ),
    "heavy": (Trial("0206-int8", "small", 8, (LIMIT, OURS), HEAVY),),
}


@click.command(help=__doc__)
@click.option("--only", type=Choices(TRIALS), default=tuple(TRIALS))
@click.option("--peers", type=Choices(PEERS), default=PEERS, is_flag=False, flag_value="")
@seconds_option(8, "In a cell, a round.")
@rounds_option(3)
def main(only: tuple[str, ...], peers: tuple[str, ...], seconds: float, rounds: int) -> None:
    exit_on_sigterm()
    trials = [trial for kind in only for trial in TRIALS[kind]]
    sizes = dict.fromkeys(trial.size for trial in trials)
    print_lines(
        {
            **machine(),
            **venvs.versions(peers),
            **{size: describe(size, photos(size)) for size in sizes},
            "seconds": str(seconds),
            "rounds": str(rounds),
        }
    )
    rows: list[Sequence[str]] = [("cell", "what", "is", "bar", "")]
    all_met = True
    for name in dict.fromkeys(trial.model for trial in trials):
        own = [trial for trial in trials if trial.model == name]
        results = _measured(name, own, peers, Length(seconds, rounds))
        for trial, found in zip(own, results, strict=True):
            print(f"\n{found.table(LIMIT)}", flush=True)
            for bar in trial.bars:
                if bar in AHEAD and not peers:
                    continue
                row, met = bar.row(found)
                rows.append(row)
                all_met &= met
    print(f"\n{align(rows)}")
    raise SystemExit(0 if all_met else 1)


def _measured(
    name: str, trials: Sequence[Trial], peers: Sequence[str], length: Length
) -> list[CellResults]:
    """All trials with one model."""
    model = MODELS[name]()
    progress = Progress()
    names = list(dict.fromkeys(each for trial in trials for each in (*trial.names, *peers)))
    files = {trial.size: photos(trial.size) for trial in trials}
    plan = [
        (Cell(model, trial.size, trial.concurrency), (*trial.names, *peers)) for trial in trials
    ]
    with lineup(model, names, files, progress) as contenders:
        return measured(contenders, plan, length, progress)


if __name__ == "__main__":
    main()
