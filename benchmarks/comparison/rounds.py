"""The rounds: in each cell, those who take part take turns."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.comparison.lineup import Contender
from benchmarks.comparison.result import Cell, MeasureError, Result
from benchmarks.comparison.turns import Turns

Plan = Sequence[tuple[Cell, Sequence[str]]]
"""Cells, and who takes part in each."""


@dataclass(frozen=True, slots=True)
class Length:
    """Seconds of measuring and of warm-up of a light model, and how many rounds."""

    seconds: float
    rounds: int
    warmup: float = 1.0

    def of(self, cell: Cell) -> tuple[float, float]:
        """Seconds of measuring and of warm-up in this cell."""
        return self.seconds * cell.model.patience, self.warmup * cell.model.patience

    def total(self, plan: Plan) -> float:
        """About how many seconds the plan takes, without starts."""
        each = [sum(self.of(cell)) * len(names) for cell, names in plan]
        return self.rounds * sum(each)


def measured(
    contenders: Mapping[str, Contender],
    plan: Plan,
    length: Length,
    tell: Callable[[str], None],
) -> list[Turns]:
    """All rounds of a plan; every other round goes the other way round.

    So what changes steadily meanwhile favours nobody. Who is in the plan but not among
    the contenders has no results.
    """
    found = [Turns(cell, {name: [] for name in names}) for cell, names in plan]
    for number in range(length.rounds):
        for turns in found:
            tell(f"round {number + 1} of {length.rounds}: {turns.cell}")
            names = list(turns.results)
            for name in names if number % 2 == 0 else reversed(names):
                result = None
                if name in contenders:
                    result = _turn(contenders[name], name, turns.cell, length, tell)
                turns.results[name].append(result)
    return found


def _turn(
    contender: Contender,
    name: str,
    cell: Cell,
    length: Length,
    tell: Callable[[str], None],
) -> Result | None:
    try:
        result = contender.measure(cell, *length.of(cell))
    except MeasureError as error:
        tell(f"  {name:20} FAILED: {error}")
        return None
    tell(
        f"  {name:20} {result.rate:8.1f}/s  p50 {result.p50_ms:8.1f} ms"
        f"  CPU {result.cpu_ms:7.2f} ms  {result.memory_mb:6.0f} MB"
    )
    return result
