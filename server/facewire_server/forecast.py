"""How long work will take, as it looks at one moment.

Rule: it asks the pace once for each kind of work. A busy server asks for every request
that comes, of all that wait, and most of them are alike.
"""

from collections.abc import Iterable
from typing import Any

from facewire_server.pace import Pace
from facewire_server.turn import Turn

RESERVE = 0.005
"""Seconds before a deadline that an answer needs to reach the caller in time."""


class Forecast:
    """What is known at `now`, a time of `time.monotonic`. All answers are in seconds."""

    def __init__(self, pace: Pace, now: float) -> None:
        self.now = now
        self._pace = pace
        self._means: dict[tuple[str, bool], float] = {}

    def total(self, turns: Iterable[Turn[Any]]) -> float:
        """The work of all these."""
        return sum(map(self._mean, turns))

    def left(self, running: Iterable[Turn[Any]]) -> float:
        """What is left of the work of these, which have begun."""
        return sum(
            max(0.0, turn.started + self._mean(turn) - self.now) for turn in running
        )

    def needed(self, turn: Turn[Any], *, alone: bool) -> float:
        """How long before its deadline a turn has to begin, on the careful side."""
        return self._pace.careful(turn.kind, alone=alone, now=self.now) + RESERVE

    def _mean(self, turn: Turn[Any]) -> float:
        key = turn.kind, turn.was_alone
        mean = self._means.get(key)
        if mean is None:
            mean = self._pace.mean(turn.kind, alone=turn.was_alone, now=self.now)
            self._means[key] = mean
        return mean
