"""How long work takes, learned from work that was done.

Work has two stages: what comes before its checkpoint, and what comes after. The first
depends on what is worked on, so it is learned for each magnitude of it; the second does
not.

Rule: an estimate for a promise is on the careful side of the mean; one of what is
ahead in a queue is the mean, since slow and quick pieces even out. What was not seen
for a while counts for less and less: otherwise a bad moment in which everything took
too long would have all that comes later refused, and nothing could prove otherwise.
For the same reason a single duration counts for little, however long it was.
"""

from collections.abc import Hashable
from dataclasses import dataclass

SMOOTHING = 0.1
"""The weight of the newest duration in the running means of a kind of work."""

CARE = 2.0
"""How many mean deviations are added to a mean to be on the careful side."""

FRESH_SECONDS, FRESH_TIMES = 1.0, 10
"""How long a mean holds without being seen again: so many seconds, or so many times
itself, whichever is longer. After that it is halved each time that span passes."""

ODD, LEAST_ODD = 4.0, 0.01
"""A duration counts as no more than so many times the mean, or so many seconds: where
all are longer, the mean follows within a few, and one that is odd has nobody refused."""


@dataclass(slots=True)
class _Known:
    mean: float
    deviation: float
    learned: float

    def trust(self, now: float) -> float:
        """How much of it still counts: 1 when it is fresh."""
        span = max(FRESH_SECONDS, FRESH_TIMES * self.mean)
        return float(0.5 ** max(0.0, (now - self.learned) / span - 1))


class ServiceTimes:
    """Running means of durations in seconds, by kind of work and stage.

    Work that had the machine to itself tells little of work among other work: the two
    are learned apart, and the one stands in for the other only until that is known.
    `now` is a time of `time.monotonic`.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[Hashable, bool], _Known] = {}

    def learn(self, kind: Hashable, seconds: float, *, alone: bool, now: float) -> None:
        """Takes note of a piece of work that took this long."""
        known = self._known.setdefault((kind, alone), _Known(seconds, 0.0, now))
        error = min(seconds, max(ODD * known.mean, LEAST_ODD)) - known.mean
        known.mean += SMOOTHING * error
        known.deviation += SMOOTHING * (abs(error) - known.deviation)
        known.learned = now

    def mean(self, kind: Hashable, *, alone: bool, now: float) -> float:
        """What a piece of work takes; 0 for a kind never seen."""
        known = self._find(kind, alone)
        return known.mean * known.trust(now) if known else 0.0

    def careful(self, kind: Hashable, *, alone: bool, now: float) -> float:
        """What a piece of work hardly ever takes longer than."""
        known = self._find(kind, alone)
        if known is None:
            return 0.0
        return (known.mean + CARE * known.deviation) * known.trust(now)

    def _find(self, kind: Hashable, alone: bool) -> _Known | None:
        return self._known.get((kind, alone)) or self._known.get((kind, not alone))
