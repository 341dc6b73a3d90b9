"""The limits of the queue: sheddable jobs are refused, senders of others are held back.

Rule: a full queue makes room for a newcomer whose client has less in it than the client
that has most; the newest jobs of that one are shed. Jobs that are not sheddable are
never refused: their senders wait for `Backpressure.room` before they bring more.
"""

import asyncio
import threading
from collections.abc import Hashable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from facewire_server.scheduling.fair_queue import FairQueue, JobQueue, Share
from facewire_server.scheduling.job import Job

UNSHEDDABLE_PART = 2
"""Jobs that are not sheddable may fill 1 / UNSHEDDABLE_PART of the bytes that may wait.

They never count as more than that: their senders always bring more, and sheddable jobs
would find no room beside them."""


@dataclass(frozen=True, slots=True)
class QueueLimit:
    """At most `jobs` sheddable jobs wait, and at most `size` bytes of all jobs.

    `workers` is how many jobs may run at a time.
    """

    workers: int
    jobs: int
    size: int

    def victims(self, newcomer: Job[Any], queue: JobQueue, running: int) -> list[Job[Any]] | None:
        """Return the jobs to be shed for the newcomer; None: there is no room for it.

        `running` is how many jobs run.
        """
        if self._is_full(queue, running):
            return _newest_of_largest(newcomer, queue, 1, by_size=False)
        unsheddable = min(queue.size - queue.sheddable_size, self.size // UNSHEDDABLE_PART)
        counted = queue.sheddable_size + unsheddable
        excess = counted + newcomer.queued_size - self.size
        # A job that no other would wait beside is let in, even one larger than the limit.
        waits = len(queue) >= max(1, self.workers - running)
        if waits and excess > 0:
            return _newest_of_largest(newcomer, queue, excess, by_size=True)
        return []

    def _is_full(self, queue: JobQueue, running: int) -> bool:
        """Whether the limit of sheddable jobs is reached; those about to start do not count."""
        unsheddable = len(queue) - queue.sheddable
        free = max(0, self.workers - running - unsheddable)
        return queue.sheddable - free >= self.jobs


def _newest_of_largest(
    newcomer: Job[Any], queue: JobQueue, excess: int, *, by_size: bool
) -> list[Job[Any]] | None:
    """Return the newest jobs of the client with the largest share, to free `excess` of it.

    None when that would leave it less than the newcomer's client has then. `by_size`:
    `excess` and shares count bytes, else jobs.
    """

    def weight(share: Share) -> int:
        return share.size if by_size else share.count

    others = queue.other_shares(newcomer.client)
    largest = max(others, key=lambda each: weight(each[1]), default=None)
    if largest is None:
        return None
    client, share = largest
    left, own = weight(share), weight(queue.share(newcomer.client))
    own += newcomer.queued_size if by_size else 1
    victims = []
    for job in queue.newest_sheddable(client):
        victims.append(job)
        freed = job.queued_size if by_size else 1
        left, excess = left - freed, excess - freed
        if excess <= 0:
            return victims if left >= own else None
    return None


class Backpressure:
    """Holds senders back while too many bytes of theirs wait.

    When a job has begun, one sender may bring the next, in turn; when nothing waits, all
    may. So each gets on, and what waits stays about at the limit.
    `room` is for event loops, the rest for any thread.
    """

    def __init__(self, limit: int) -> None:
        """`limit`: how many bytes may wait before senders are held back."""
        self._limit = max(1, limit)
        self._lock = threading.Lock()
        # What follows is guarded by the lock.
        self._held = 0
        self._waiters: FairQueue[asyncio.Future[None]] = FairQueue()

    async def room(self, client: Hashable) -> None:
        """Return when this client may bring more."""
        with self._lock:
            if self._held < self._limit and not self._waiters:
                return
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.push(client, waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            with self._lock:
                # It was let in and will bring nothing: another sender is let in instead.
                if not self._waiters.remove(client, waiter):
                    self._let_in()
            raise

    def add(self, size: int) -> None:
        """Count the bytes of a job that has come to wait."""
        with self._lock:
            self._held += size

    def remove(self, size: int) -> None:
        """Count the bytes of a job that waits no more."""
        with self._lock:
            self._held -= size
            self._let_in()

    def _let_in(self) -> None:
        if self._held >= self._limit:
            return
        for _ in range(1 if self._held else len(self._waiters)):
            waiter = self._waiters.pop()
            if waiter is not None:
                with suppress(RuntimeError):  # its loop is closed
                    waiter.get_loop().call_soon_threadsafe(_settle, waiter)


def _settle(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
