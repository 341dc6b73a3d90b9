"""When the queue is full, and who is turned away then.

Rule: a full queue makes room for a newcomer whose client has less in it than the client
that has most; the newest of that one gives way. What flow control holds back is never
turned away.
"""

from dataclasses import dataclass
from typing import Any

from facewire_server.scheduling.job import Job
from facewire_server.scheduling.job_queue import JobQueue, Share

PATIENT_PART = 2
"""The patient may fill one part in so many of the bytes that may wait, and however much
they have brought it counts as no more: they always bring more, and whoever is refused
for want of room would find none beside them."""


@dataclass(frozen=True, slots=True)
class QueueLimit:
    """At most so many turns wait, and at most so many bytes of theirs."""

    workers: int
    turns: int
    size: int

    def victims(self, newcomer: Job[Any], waiting: JobQueue, running: int) -> list[Job[Any]] | None:
        """Who has to go for the newcomer; None: there is no room for it.

        `running`: how many are worked on.
        """
        if self._too_many(waiting, running):
            return _newest_of_most(newcomer, waiting, 1, by_size=False)
        patient = min(waiting.size - waiting.sheddable_size, self.size // PATIENT_PART)
        counted = waiting.sheddable_size + patient
        excess = counted + newcomer.queued_size - self.size
        # Where nothing waits, one that is larger than the limit is let in, too.
        waits = len(waiting) >= max(1, self.workers - running)
        if waits and excess > 0:
            return _newest_of_most(newcomer, waiting, excess, by_size=True)
        return []

    def _too_many(self, waiting: JobQueue, running: int) -> bool:
        patient = len(waiting) - waiting.sheddable
        free = max(0, self.workers - running - patient)
        return waiting.sheddable - free >= self.turns


def _newest_of_most(
    newcomer: Job[Any], waiting: JobQueue, excess: int, *, by_size: bool
) -> list[Job[Any]] | None:
    """So much of what the client with most has, if it still has as much as the newcomer.

    `by_size`: all is counted in bytes, else in turns.
    """

    def weight(share: Share) -> int:
        return share.size if by_size else share.count

    others = waiting.others(newcomer.client)
    most = max(others, key=lambda each: weight(each[1]), default=None)
    if most is None:
        return None
    client, share = most
    left, own = weight(share), weight(waiting.share(newcomer.client))
    own += newcomer.queued_size if by_size else 1
    victims = []
    for turn in waiting.newest(client):
        victims.append(turn)
        freed = turn.queued_size if by_size else 1
        left, excess = left - freed, excess - freed
        if excess <= 0:
            return victims if left >= own else None
    return None
