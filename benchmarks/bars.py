"""Says which of the marks that the server is held to are met on this machine.

    python -m benchmarks.bars [--seconds 8] [--rounds 3] [--only small heavy large]

Each mark is a ratio to a neighbour of the same round, its median over the rounds. The
exit status is 1 when one is missed. Overload has a command of its own,
`python -m benchmarks.overload`. See docs/comparison.md.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.comparison.in_process import InProcess
from benchmarks.comparison.interruption import sigterm_exits
from benchmarks.comparison.lineup import LIMIT, lineup
from benchmarks.comparison.machine import settings
from benchmarks.comparison.models import MODELS
from benchmarks.comparison.narrator import Narrator
from benchmarks.comparison.pictures import describe, pictures
from benchmarks.comparison.programs import OURS, THROUGHPUT
from benchmarks.comparison.result import Cell
from benchmarks.comparison.rounds import Length, measured
from benchmarks.comparison.tables import table
from benchmarks.comparison.turns import Turns
from benchmarks.rivals import venvs
from facewire_client.cli.table import align

PEERS = ("kserve", "kserve-loop", "mlserver", "mlserver-worker")
TEXTBOOK = "textbook"


@dataclass(frozen=True, slots=True)
class Mark:
    """What is looked at, and the least or the most that it may be."""

    what: str
    value: Callable[[Turns], float | None]
    least: float | None = None
    most: float | None = None

    def row(self, turns: Turns) -> tuple[tuple[str, ...], bool]:
        """For the table, and whether it is met."""
        value = self.value(turns)
        if value is None:
            return (str(turns.cell), self.what, "-", self.bound, "NOT MEASURED"), False
        met = (self.least is None or value >= self.least) and (
            self.most is None or value <= self.most
        )
        word = "met" if met else "MISSED"
        return (str(turns.cell), self.what, f"{value:.3f}", self.bound, word), met

    @property
    def bound(self) -> str:
        """In words."""
        return f"at most {self.most}" if self.least is None else f"at least {self.least}"


@dataclass(frozen=True, slots=True)
class Trial:
    """A cell of a model, who takes part beside the peers, and what is looked at."""

    model: str
    picture: str
    concurrency: int
    names: Sequence[str]
    marks: Sequence[Mark]


def _ratio(value: str, *others: str) -> Callable[[Turns], float | None]:
    return lambda turns: turns.ratio(OURS, value, *others)


AHEAD = (
    Mark("requests/s x best of KServe, MLServer", _ratio("rate", *PEERS), least=1.0),
    Mark("p50 x best of KServe, MLServer", _ratio("p50_ms", *PEERS), most=1.0),
    Mark("CPU x best of KServe, MLServer", _ratio("cpu_ms", *PEERS), most=1.0),
)
TRIALS = {
    "small": (
        Trial(
            *("yunet-640", "small", 16),
            (LIMIT, OURS, TEXTBOOK, InProcess.name),
            (
                Mark("CPU x benchmark_app", _ratio("cpu_ms", LIMIT), most=1.20),
                Mark("requests/s x benchmark_app", _ratio("rate", LIMIT), least=0.85),
                *AHEAD,
            ),
        ),
        Trial(
            *("yunet-640", "small", 1),
            (LIMIT, OURS, THROUGHPUT),
            (
                Mark(
                    "p50 less that of benchmark_app, ms",
                    lambda turns: turns.difference(OURS, "p50_ms", LIMIT),
                    most=3.0,
                ),
                Mark("p50 x throughput mode", _ratio("p50_ms", THROUGHPUT), most=0.7),
                *AHEAD,
            ),
        ),
    ),
    "large": (
        Trial(
            *("yunet-640", "1080p", 16),
            (OURS, TEXTBOOK),
            (Mark("requests/s x textbook", _ratio("rate", TEXTBOOK), 1.35), *AHEAD),
        ),
        Trial(
            *("yunet-640", "12mp", 16),
            (OURS, TEXTBOOK),
            (Mark("requests/s x textbook", _ratio("rate", TEXTBOOK), 2.2), *AHEAD),
        ),
    ),
    "heavy": (
        Trial(
            *("0206-int8", "small", 8),
            (LIMIT, OURS),
            (
                Mark("requests/s x benchmark_app", _ratio("rate", LIMIT), least=0.97),
                *AHEAD,
            ),
        ),
    ),
}


def main() -> int:
    """Prints the settings, a table for each cell, and what became of the marks."""
    options = parsed()
    sigterm_exits()
    trials = [trial for kind in options.only for trial in TRIALS[kind]]
    told = {
        **settings(),
        **venvs.told(PEERS),
        **{each: describe(each, pictures(each)) for each in _sizes(trials)},
        "seconds": str(options.seconds),
        "rounds": str(options.rounds),
    }
    print("\n".join(f"{key}: {value}" for key, value in told.items()), flush=True)
    rows: list[Sequence[str]] = [("cell", "what", "is", "mark", "")]
    all_met = True
    for name in dict.fromkeys(trial.model for trial in trials):
        own = [trial for trial in trials if trial.model == name]
        for trial, turns in zip(own, _measured(name, own, options), strict=True):
            print(f"\n{table(turns)}", flush=True)
            for mark in trial.marks:
                row, met = mark.row(turns)
                rows.append(row)
                all_met &= met
    print(f"\n{align(rows)}")
    return 0 if all_met else 1


def _sizes(trials: Sequence[Trial]) -> Sequence[str]:
    return tuple(dict.fromkeys(trial.picture for trial in trials))


def _measured(name: str, trials: Sequence[Trial], options: argparse.Namespace) -> list[Turns]:
    """All trials with one model."""
    model = MODELS[name]()
    tell = Narrator()
    names = list(dict.fromkeys(each for t in trials for each in (*t.names, *PEERS)))
    photos = {size: pictures(size) for size in _sizes(trials)}
    plan = [
        (Cell(model, trial.picture, trial.concurrency), (*trial.names, *PEERS)) for trial in trials
    ]
    with lineup(model, names, photos, tell) as contenders:
        return measured(contenders, plan, Length(options.seconds, options.rounds), tell)


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=TRIALS, default=list(TRIALS))
    parser.add_argument("--seconds", type=float, default=8, help="in a cell, a round")
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
