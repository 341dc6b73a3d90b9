"""How long work will take, as it looks at one moment.

Rule: it asks the pace once for what is alike. A busy server asks for every request that
comes, of all that wait, and most of them are alike.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from facewire_server.scheduling.job import Job, Like
from facewire_server.scheduling.service_time import ServiceTimes

RESERVE = 0.005
"""Seconds before a deadline that an answer needs to reach the caller in time."""


class Estimate:
    """What is known at `now`, a time of `time.monotonic`. All answers are in seconds."""

    def __init__(self, pace: ServiceTimes, now: float) -> None:
        self.now = now
        self._pace = pace

    def total(self, waiting: Mapping[Like, int]) -> float:
        """The work of so many of each of these, beside other work."""
        return sum(
            count * (self._first(like, alone=False) + self._second(like[0], alone=False))
            for like, count in waiting.items()
        )

    def left(self, running: Iterable[Job[Any]]) -> float:
        """What is left of the work of these, which have begun."""
        return sum(max(0.0, self._end(turn) - self.now) for turn in running)

    def needed(self, turn: Job[Any], *, alone: bool) -> float:
        """How long before its deadline a turn has to begin, on the careful side.

        Of one that is alone the first stage is not counted: it keeps nobody waiting to
        find out, and nothing is computed before the checkpoint asks again.
        """
        first = 0.0
        if not alone:
            first = self._pace.careful(turn.like, alone=False, now=self.now)
        return first + self.needed_after(turn, alone=alone)

    def needed_after(self, turn: Job[Any], *, alone: bool) -> float:
        """How long before its deadline a turn has to be at its checkpoint."""
        return self._pace.careful(turn.kind, alone=alone, now=self.now) + RESERVE

    def _end(self, turn: Job[Any]) -> float:
        second = self._second(turn.kind, alone=turn.was_alone)
        if turn.committed:
            return turn.checkpoint + second
        return turn.started + self._first(turn.like, alone=turn.began_alone) + second

    def _first(self, like: Like, *, alone: bool) -> float:
        return self._pace.mean(like, alone=alone, now=self.now)

    def _second(self, kind: str, *, alone: bool) -> float:
        return self._pace.mean(kind, alone=alone, now=self.now)
