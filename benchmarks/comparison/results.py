"""Results of a cell, and how they compare: with others of the same round only."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import linear_regression, median
from typing import NamedTuple

from benchmarks.comparison.servers import LIMIT, Model

HIGHER_IS_BETTER = ("rate",)
_COLUMNS = (
    *(("requests/s", "rate", 1), ("x benchmark_app", "rate", 0), ("p50 ms", "p50_ms", 1)),
    *(("CPU ms", "cpu_ms", 2), ("x benchmark_app", "cpu_ms", 0), ("peak MB", "memory_mb", 0)),
)
"""A title, a number of a result, and its digits."""
TABLE_HEADER = ("cell", "server", *(title for title, _, _ in _COLUMNS))


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

    def rows(self) -> list[list[str]]:
        """Medians under TABLE_HEADER, a row for each contender."""
        rows = []
        for name in self.results:
            row = [str(self.cell), name]
            for title, value, digits in _COLUMNS:
                is_ratio = title.startswith("x ")
                found = self.ratio(name, value, LIMIT) if is_ratio else self.median(name, value)
                row.append("-" if found is None else f"{found:.{2 if is_ratio else digits}f}")
            rows.append(row)
        return rows

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
    if len(times) < 3:
        raise MeasureError(f"{len(times)} events are too few for a rate")
    return linear_regression(times, range(len(times))).slope
