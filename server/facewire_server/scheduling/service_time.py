"""Service times: how long work takes, learned from work that was done.

Work has two stages: before its checkpoint, and after. The first depends on the size of
the work, so it is learned for each group of kind and magnitude; the second is learned
for each kind. Where the second comes in parts, their number is not known before the first
is over: all parts together are learned for each group, and one part for each kind.

Rule: whether a deadline can be met is decided by an estimate above the mean; the wait in a
queue is estimated by means, since slow and quick jobs even out. A mean that was not updated
for a while counts for less and less: otherwise one moment in which everything took too long
would have all later jobs refused, and none would run to correct the estimate. For the same
reason a single duration counts for little, however long it was.
"""

from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from facewire_server.scheduling.fair_queue import JobQueue
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
        """Learn that a stage has taken this long; `key` is that of `estimate`."""
        known = self._known.setdefault((key, exclusive), _Known(seconds, 0.0, now))
        error = min(seconds, max(OUTLIER * known.mean, LEAST_OUTLIER)) - known.mean
        known.mean += SMOOTHING * error
        known.deviation += SMOOTHING * (abs(error) - known.deviation)
        known.learned = now

    def learn_stage(self, job: Job[Any], now: float) -> None:
        """Learn the stage that a job ends now, or the part of its costly stage.

        With the last part the costly stage as a whole is learned, too.
        """
        if job.passed_at is None:
            took = now - job.started
            self.learn(job.group, took, exclusive=job.began_exclusive, now=now)
            return
        exclusive = job.exclusive
        if job.left == 1:
            self.learn(job.group.costly, now - job.passed_at, exclusive=exclusive, now=now)
        if job.work.in_parts:
            self.learn(job.group.part, now - job.stage_began, exclusive=exclusive, now=now)

    def estimate(
        self,
        key: Hashable,
        *,
        exclusive: bool,
        now: float,
        care: float = 0.0,
        times: int = 1,
    ) -> float:
        """Estimate `times` runs of a stage in seconds: the mean and `care` deviations.

        `key` is a group for the first stage, or one of its keys; 0 for an unknown one.
        """
        known = self._known.get((key, exclusive)) or self._known.get((key, not exclusive))
        if known is None:
            return 0.0
        span = max(FRESH_SECONDS, FRESH_TIMES * known.mean)
        trust = 0.5 ** max(0.0, (now - known.learned) / span - 1)
        # The deviation of a sum grows with the root of their number.
        deviation = care * known.deviation * times**0.5
        return float((times * known.mean + deviation) * trust)

    def needed(
        self, job: Job[Any], *, exclusive: bool, now: float, left: int | None = None
    ) -> float:
        """Estimate how many seconds before its deadline a job has to begin.

        `left`: estimate it for a job at its checkpoint, whose first stage is over, and which
        has so many parts to do. The first stage of an exclusive job is not counted: no other
        job waits meanwhile, and the checkpoint comes before the costly stage.
        """
        group = job.group
        key, times = (group.costly, 1) if left is None else (group.part, left)
        needed = RESERVE
        needed += self.estimate(key, exclusive=exclusive, now=now, care=CARE, times=times)
        if not exclusive and left is None:
            needed += self.estimate(group, exclusive=False, now=now, care=CARE)
        return needed

    def wait(
        self, running: Collection[Job[Any]], queue: JobQueue, ahead: int, workers: int, now: float
    ) -> float:
        """Estimate the seconds until a worker is free that `ahead` of the queue do not take.

        Each of these counts with the mean of all that wait: finding those that are ahead
        would take a walk along the queue.
        """
        if len(running) + ahead < workers:
            return 0.0
        left = self.remaining(running, now)
        if ahead:
            left += self.queued(queue.groups, now) * ahead / len(queue)
        return left / workers

    def queued(self, groups: Mapping[Group, int], now: float) -> float:
        """Estimate the seconds of work of queued jobs, given how many there are of each group.

        Called for each request to a busy server. Most jobs are of one group, so each group
        is estimated once.
        """
        return sum(
            count
            * (
                self.estimate(group, exclusive=False, now=now)
                + self.estimate(group.costly, exclusive=False, now=now)
            )
            for group, count in groups.items()
        )

    def remaining(self, running: Iterable[Job[Any]], now: float) -> float:
        """Estimate the seconds of work that are left of these jobs, which have begun."""
        return sum(max(0.0, self._end(job, now) - now) for job in running)

    def _end(self, job: Job[Any], now: float) -> float:
        group = job.group
        if job.passed_at is not None:
            left = 1 if job.abandoned else job.left
            part = self.estimate(group.part, exclusive=job.exclusive, now=now, times=left)
            return job.stage_began + part
        first = self.estimate(group, exclusive=job.began_exclusive, now=now)
        second = self.estimate(group.costly, exclusive=job.exclusive, now=now)
        return job.started + first + second
