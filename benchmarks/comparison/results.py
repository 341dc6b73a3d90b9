"""Results of a cell, and how they compare: with others of the same round only."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import fsum
from statistics import median

from benchmarks.comparison.programs import Model
from benchmarks.harness import rounds
from benchmarks.harness.rounds import number

HIGHER_IS_BETTER = ("rate",)
_COLUMNS = (
    *("", "requests/s", "x limit", "p50 ms", "x limit", "p95 ms", "p99 ms"),
    *("CPU ms", "x limit", "peak MB"),
)


class MeasureError(Exception):
    """Why a contender could not be measured."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A model, a size of photos, and how many requests are in flight."""

    model: Model
    size: str
    concurrency: int

    def __str__(self) -> str:
        return f"{self.model.name}, {self.size}, {self.concurrency} at a time"


@dataclass(frozen=True, slots=True)
class Result:
    """What one contender did in one cell, once: requests a second, times in ms, MB.

    `cpu_ms` is what the contender spends on a request, without the client;
    `memory_mb` the peak of its memory in the measured time. None: it does not tell.
    """

    rate: float
    p50_ms: float
    p95_ms: float | None
    p99_ms: float | None
    cpu_ms: float
    memory_mb: float

    def __str__(self) -> str:
        return (
            f"{self.rate:8.1f}/s  p50 {self.p50_ms:8.1f} ms"
            f"  CPU {self.cpu_ms:7.2f} ms  {self.memory_mb:6.0f} MB"
        )


@dataclass
class CellResults:
    """For each name the results in the order of the rounds; None: it failed.

    `value` is always the name of a number of `Result`. Answers are None when a round
    is missing, or one of those asked for does not tell this number.
    """

    cell: Cell
    results: dict[str, list[Result | None]] = field(default_factory=dict)

    def median(self, name: str, value: str) -> float | None:
        """The median over the rounds."""
        return self._over_rounds([name], value, lambda values: values[0])

    def ratio(self, name: str, value: str, *others: str) -> float | None:
        """The median of the quotients of one and, in its round, the best of others."""
        best = max if value in HIGHER_IS_BETTER else min
        return self._over_rounds(
            [name, *others], value, lambda values: values[0] / best(values[1:])
        )

    def difference(self, name: str, value: str, other: str) -> float | None:
        """The median of the differences of one and, in its round, another."""
        return self._over_rounds([name, other], value, lambda values: values[0] - values[1])

    def table(self, limit: str) -> str:
        """Medians, and their ratios to the contender `limit`, for people."""
        rows = []
        for name in self.results:
            cells = [name]
            for value, digits in (("rate", 1), ("p50_ms", 1), ("p95_ms", 1), ("p99_ms", 1)):
                cells.append(number(self.median(name, value), digits))
                if value in ("rate", "p50_ms"):
                    cells.append(number(self.ratio(name, value, limit), 3))
            cells.append(number(self.median(name, "cpu_ms"), 2))
            cells.append(number(self.ratio(name, "cpu_ms", limit), 3))
            rows.append([*cells, number(self.median(name, "memory_mb"), 0)])
        return f"{self.cell}\n{rounds.table(_COLUMNS, rows)}"

    def _over_rounds(
        self, names: Sequence[str], value: str, combine: Callable[[Sequence[float]], float]
    ) -> float | None:
        found = []
        for results in zip(*(self.results.get(name, ()) for name in names), strict=False):
            values = [getattr(result, value, None) for result in results]
            if None in values:
                return None
            found.append(combine([each for each in values if each is not None]))
        return median(found) if found else None


def event_rate(times: Sequence[float]) -> float:
    """Events a second, from the rising times (in seconds) at which they happened.

    The slope of the line that fits number over time best: with a few dozen events,
    counting those in a window is off by one at either end, and this is not. Raises
    ValueError when there are fewer than three.
    """
    count = len(times)
    if count < 3:
        raise ValueError(f"{count} events are too few for a rate")
    middle = fsum(times) / count
    offsets = [time - middle for time in times]
    variance = fsum(offset * offset for offset in offsets)
    rank = (count - 1) / 2
    return fsum((i - rank) * offset for i, offset in enumerate(offsets)) / variance
