"""The results of one cell, and how they compare: neighbours of the same round only."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median

from benchmarks.comparison.result import Cell, Result

HIGHER_IS_BETTER = ("rate",)


@dataclass
class Turns:
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

    def _over_rounds(
        self,
        names: Sequence[str],
        value: str,
        combine: Callable[[Sequence[float]], float],
    ) -> float | None:
        rounds = list(zip(*(self.results.get(name, ()) for name in names), strict=False))
        found = []
        for results in rounds:
            values = [_number(result, value) for result in results]
            told = [each for each in values if each is not None]
            if len(told) < len(values):
                return None
            found.append(combine(told))
        return median(found) if found else None


def _number(result: Result | None, value: str) -> float | None:
    number: float | None = getattr(result, value, None)
    return number
