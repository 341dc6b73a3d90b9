"""How long work takes, learned from work that was done.

Rule: an estimate for a promise is on the careful side of the mean; one of what is
ahead in a queue is the mean, since slow and quick pieces even out.
"""

from dataclasses import dataclass

SMOOTHING = 0.1
"""The weight of the newest duration in the running means of a kind of work."""

CARE = 2.0
"""How many mean deviations are added to a mean to be on the careful side."""


@dataclass(slots=True)
class _Known:
    mean: float
    deviation: float


class Pace:
    """Running means of durations in seconds, by kind of work.

    Work that had the machine to itself tells little of work among other work: the two
    are learned apart, and the one stands in for the other only until that is known.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, bool], _Known] = {}

    def learn(self, kind: str, seconds: float, *, alone: bool) -> None:
        """Takes note of a piece of work that took this long."""
        known = self._known.setdefault((kind, alone), _Known(seconds, 0.0))
        error = seconds - known.mean
        known.mean += SMOOTHING * error
        known.deviation += SMOOTHING * (abs(error) - known.deviation)

    def mean(self, kind: str, *, alone: bool) -> float:
        """What a piece of work takes; 0 for a kind never seen."""
        known = self._find(kind, alone)
        return known.mean if known else 0.0

    def careful(self, kind: str, *, alone: bool) -> float:
        """What a piece of work hardly ever takes longer than."""
        known = self._find(kind, alone)
        return known.mean + CARE * known.deviation if known else 0.0

    def _find(self, kind: str, alone: bool) -> _Known | None:
        return self._known.get((kind, alone)) or self._known.get((kind, not alone))
