"""Results of a cell, and how they compare: with others of the same round only."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import fsum
from statistics import median
from typing import NamedTuple

from benchmarks.comparison.servers import LIMIT, Model
from benchmarks.harness import rounds

HIGHER_IS_BETTER = ("rate",)
_COLUMNS = (
    ("rate", "requests/s", 1, True),
    ("p50_ms", "p50 ms", 1, True),
    ("cpu_ms", "CPU ms", 2, True),
    ("memory_mb", "peak MB", 0, False),
)
"""A number of a result, its title, its digits, and whether its ratio to the limit follows."""


class MeasureError(ValueError):
    """Why a contender could not be measured."""


class Cell(NamedTuple):
    """A model, a size of photos, and how many requests are in flight."""

    model: Model
    size: str
    concurrency: int

    def __str__(self) -> str:
        return f"{self.model.name}, {self.size}, {self.concurrency} at a time"


class Result(NamedTuple):
    """What one contender did in one cell, once: requests a second, times in ms, peak MB."""

    rate: float
    p50_ms: float
    cpu_ms: float
    memory_mb: float


@dataclass
class CellResults:
    """For each name the results of the rounds; None: it failed. `value` names a number."""

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

    def table(self) -> str:
        """Medians, and their ratios to the limit, for people."""
        header, rows = [""], [[name] for name in self.results]
        for value, title, digits, with_ratio in _COLUMNS:
            header += [title, "x limit"] if with_ratio else [title]
            for row in rows:
                found = [(self.median(row[0], value), digits)]
                found += [(self.ratio(row[0], value, LIMIT), 3)] if with_ratio else []
                row += ["-" if each is None else f"{each:.{many}f}" for each, many in found]
        return f"{self.cell}\n{rounds.table(header, rows)}"

    def _over_rounds(
        self, names: Sequence[str], value: str, combine: Callable[[Sequence[float]], float]
    ) -> float | None:
        found = []
        for results in zip(*(self.results.get(name, ()) for name in names), strict=False):
            if None in results:
                return None
            found.append(combine([getattr(result, value) for result in results]))
        return median(found) if found else None


def event_rate(times: Sequence[float]) -> float:
    """Events a second: the slope of number over rising times. Raises MeasureError."""
    count = len(times)
    if count < 3:
        raise MeasureError(f"{count} events are too few for a rate")
    middle = fsum(times) / count
    offsets = [time - middle for time in times]
    variance = fsum(offset * offset for offset in offsets)
    rank = (count - 1) / 2
    return fsum((i - rank) * offset for i, offset in enumerate(offsets)) / variance
