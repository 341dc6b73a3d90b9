"""Service times: how long work takes, learned from work that was done.

Work has two stages: before its checkpoint, and after. The first depends on the size of
the work, so it is learned for each group of kind and magnitude; the second is learned
for each kind.

Rule: whether a deadline can be met is decided by an estimate above the mean; the wait in a
queue is estimated by means, since slow and quick jobs even out. A mean that was not updated
for a while counts for less and less: otherwise one moment in which everything took too long
would have all later jobs refused, and none would run to correct the estimate. For the same
reason a single duration counts for little, however long it was.
"""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from facewire_server.scheduling.job import Group, Job

SMOOTHING = 0.1
"""The weight of the newest duration in the running means."""

CARE = 2.0
"""How many mean deviations are added to a mean in an estimate for a deadline."""

FRESH_SECONDS, FRESH_TIMES = 1.0, 10
"""How long a mean holds without an update: FRESH_SECONDS, or FRESH_TIMES the mean itself,
whichever is longer. After that it is halved each time that span passes."""

OUTLIER, LEAST_OUTLIER = 4.0, 0.01
"""A duration counts as at most OUTLIER times the mean, or LEAST_OUTLIER seconds: when all
are longer, the mean follows within a few, and one outlier has no later job refused."""

RESERVE = 0.005
"""Seconds before a deadline that an answer needs to reach the caller in time."""


@dataclass(slots=True)
class _Known:
    mean: float
    deviation: float
    learned: float


class ServiceTimes:
    """Running means of durations, and estimates for jobs made of them. Not thread-safe.

    Work that had the machine to itself ("exclusive") says little about work beside
    other work: the two are learned apart, and one stands in for the other only until the other
    is known. All durations are in seconds; `now` is a time of `time.monotonic`.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[Hashable, bool], _Known] = {}

    def learn(self, key: Hashable, seconds: float, *, exclusive: bool, now: float) -> None:
        """Learn that a stage has taken this long; `key` is a group or a kind."""
        known = self._known.setdefault((key, exclusive), _Known(seconds, 0.0, now))
        error = min(seconds, max(OUTLIER * known.mean, LEAST_OUTLIER)) - known.mean
        known.mean += SMOOTHING * error
        known.deviation += SMOOTHING * (abs(error) - known.deviation)
        known.learned = now

    def estimate(self, key: Hashable, *, exclusive: bool, now: float, care: float = 0.0) -> float:
        """Estimate a stage in seconds: the mean and `care` deviations; 0 for an unknown key."""
        known = self._known.get((key, exclusive)) or self._known.get((key, not exclusive))
        if known is None:
            return 0.0
        span = max(FRESH_SECONDS, FRESH_TIMES * known.mean)
        trust = 0.5 ** max(0.0, (now - known.learned) / span - 1)
        return float((known.mean + care * known.deviation) * trust)

    def needed(
        self, job: Job[Any], *, exclusive: bool, now: float, at_checkpoint: bool = False
    ) -> float:
        """Estimate how many seconds before its deadline a job has to begin.

        `at_checkpoint`: estimate it for a job at its checkpoint, whose first stage is over.
        The first stage of an exclusive job is not counted: no other job waits meanwhile, and
        the checkpoint comes before the costly stage.
        """
        needed = RESERVE + self.estimate(job.work.kind, exclusive=exclusive, now=now, care=CARE)
        if not exclusive and not at_checkpoint:
            needed += self.estimate(job.group, exclusive=False, now=now, care=CARE)
        return needed

    def queued(self, groups: Mapping[Group, int], now: float) -> float:
        """Estimate the seconds of work of queued jobs, given how many there are of each group.

        Called for each request to a busy server. Most jobs are of one group, so each group
        is estimated once.
        """
        return sum(
            count
            * (
                self.estimate(group, exclusive=False, now=now)
                + self.estimate(group[0], exclusive=False, now=now)
            )
            for group, count in groups.items()
        )

    def remaining(self, running: Iterable[Job[Any]], now: float) -> float:
        """Estimate the seconds of work that are left of these jobs, which have begun."""
        return sum(max(0.0, self._end(job, now) - now) for job in running)

    def _end(self, job: Job[Any], now: float) -> float:
        second = self.estimate(job.work.kind, exclusive=job.exclusive, now=now)
        if job.passed_at is not None:
            return job.passed_at + second
        first = self.estimate(job.group, exclusive=job.began_exclusive, now=now)
        return job.started + first + second
