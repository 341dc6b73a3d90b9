"""The scheduler: which job runs now, which waits, and which is refused.

Jobs run on threads that take them from the queue themselves, so that no worker waits for
the event loop while there is something to do. Rule: at most `workers` jobs run at a time;
clients are served in turn; at most `max_queue` jobs and `max_queued_bytes` wait, except
for jobs that are not sheddable, whose senders wait for `room` first; a job that would
miss its deadline is not begun.
"""

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import CancelledError
from functools import partial
from queue import SimpleQueue
from typing import Any, TypeVar

from facewire_server.errors import Reason, RefusalError
from facewire_server.scheduling.fair_queue import JobQueue
from facewire_server.scheduling.job import Job, Outcome, Work, too_late
from facewire_server.scheduling.queue_limit import UNSHEDDABLE_PART, Backpressure, QueueLimit
from facewire_server.scheduling.service_time import ServiceTimes

T = TypeVar("T")

LEAST_RETRY_AFTER = 0.01
"""The shortest time in seconds after which a refused caller may come back."""


class Scheduler:
    """Runs blocking work on a bounded number of threads, with a bounded queue."""

    def __init__(
        self,
        *,
        workers: int,
        max_queue: int,
        max_queued_bytes: int = sys.maxsize,
        threads: bool = True,
    ) -> None:
        """Start `workers` threads. `max_queue` counts sheddable jobs, `max_queued_bytes` all;
        those that are not sheddable take at most half of the bytes. Without `threads` the owner
        takes the jobs, with `begin_next`, and runs them."""
        self.workers = workers
        self.max_queue = max_queue
        self._half = max(1, workers // 2)
        self._limit = QueueLimit(workers, max_queue, max_queued_bytes)
        self._backpressure = Backpressure(max_queued_bytes // UNSHEDDABLE_PART)
        self._checkpoint_passed: Callable[[str], None] | None = None
        # One lock guards the queue, the running jobs and the service times: an admission
        # reads all three, and they must agree. Nothing under it blocks the event loop.
        self._lock = threading.Lock()
        self._queue = JobQueue()
        self._running: set[Job[Any]] = set()
        self._times = ServiceTimes()
        # Workers block on this queue. It gets a True for each job that is queued; a False
        # ends a thread. A cancelled or shed job leaves its True behind: a worker may take it
        # and find no job.
        self._tokens: SimpleQueue[bool] = SimpleQueue()
        for number in range(workers if threads else 0):
            threading.Thread(target=self._work, name=f"facewire-{number}", daemon=True).start()

    @property
    def depth(self) -> int:
        """How many jobs wait for a worker."""
        return len(self._queue)

    @property
    def queued_bytes(self) -> int:
        """How many bytes these jobs have together."""
        return self._queue.size

    @property
    def running(self) -> int:
        """How many jobs run."""
        return len(self._running)

    def longest_running(self, now: float) -> tuple[str, float] | None:
        """The kind of the job whose stage has run for longest, and for how many seconds.

        `now` is a time of `time.monotonic`. None: no job runs.
        """
        with self._lock:
            job = min(self._running, key=lambda job: job.stage_began, default=None)
        return None if job is None else (job.work.kind, now - job.stage_began)

    def watch(self, checkpoint_passed: Callable[[str], None]) -> None:
        """Call this from now on when a job begins its costly stage, on the thread of the job.

        Its argument is the kind of the job.
        """
        self._checkpoint_passed = checkpoint_passed

    async def run(
        self,
        work: Work[T],
        *,
        client: Hashable = None,
        deadline: float | None = None,
        sheddable: bool = True,
    ) -> Outcome[T]:
        """Run `work` on a worker's thread, and return what it returns.

        Clients are served in turn. `deadline` is a time of `time.monotonic`. A job that
        is not sheddable waits however much waits; its sender has waited for `room`.
        Raises RefusalError: QUEUE_FULL with the time after which there is room,
        DEADLINE_UNREACHABLE when the answer would come too late.

        A caller that is cancelled leaves the queue; a job that runs ends at its
        checkpoint.
        """
        job = Job(work, client=client, deadline=deadline, sheddable=sheddable)
        with self._lock:
            self._admit(job)
            self._queue.push(client, job)
            self._count_queued(job, 1)
        self._tokens.put(True)
        try:
            return await job.outcome
        except asyncio.CancelledError:
            with self._lock:
                job.abandoned = True
                if self._queue.remove(client, job):
                    self._count_queued(job, -1)
            raise
        finally:
            # The traceback of an error holds this frame, and the job holds the error.
            del job, work

    async def room(self, client: Hashable) -> None:
        """Return when a client of jobs that are not sheddable may bring more."""
        await self._backpressure.room(client)

    def close(self) -> None:
        """End the threads as they become idle; cancel the jobs that wait."""
        with self._lock:
            while (job := self._queue.pop()) is not None:
                self._count_queued(job, -1)
                job.outcome.cancel()
        for _ in range(self.workers):
            self._tokens.put(False)

    def _admit(self, job: Job[Any]) -> None:
        """Raise RefusalError when there is no room, or the deadline would be missed."""
        starts_at_once = len(self._running) < self.workers and not self._queue
        if job.deadline is not None:
            now = time.monotonic()
            wait = 0.0 if starts_at_once else self._wait(self._queue.ahead(job.client), now)
            if job.work.in_parts:
                wait = max(wait, self._times.wait(self._in_parts, self._queue, 0, self._half, now))
            exclusive = not self._running and not self._queue
            needed = self._times.needed(job, exclusive=exclusive, now=now)
            if (late := too_late(job.deadline, now + wait + needed)) is not None:
                raise late
        if job.sheddable and not starts_at_once:
            self._make_room(job)

    def _wait(self, ahead: int, now: float) -> float:
        return self._times.wait(self._running, self._queue, ahead, self.workers, now)

    def _make_room(self, newcomer: Job[Any]) -> None:
        """Shed other jobs if the queue is full. Raises QUEUE_FULL when that makes no room."""
        victims = self._limit.victims(newcomer, self._queue, len(self._running))
        if victims is None:
            raise self._full()
        for job in victims:
            self._queue.remove(job.client, job)
            self._count_queued(job, -1)
            job.fail(self._full())

    def _full(self) -> RefusalError:
        wait = self._wait(len(self._queue), time.monotonic())
        return RefusalError(
            Reason.QUEUE_FULL,
            f"{len(self._running)} requests are worked on and {self.depth} wait",
            retry_after=max(wait, LEAST_RETRY_AFTER),
        )

    def _count_queued(self, job: Job[Any], change: int) -> None:
        """Count a job that was put into the queue (1) or taken out (-1)."""
        if not job.sheddable:
            count = self._backpressure.add if change > 0 else self._backpressure.remove
            count(job.queued_size)

    def _work(self) -> None:
        """Run jobs, on a worker's thread. While it waits it refers to no job."""
        while self._tokens.get():
            self._run_next()

    def _run_next(self) -> None:
        """Run the next job, if there is one whose deadline can be met."""
        job = self.begin_next()
        if job is not None:
            job.run(partial(self.checkpoint, job))
            self.end(job)

    def end(self, job: Job[Any]) -> None:
        """Complete a job that was begun and has run."""
        with self._lock:
            self._running.discard(job)
            if job.passed_at is not None:
                self._times.learn_stage(job, time.monotonic())
        if job.work.in_parts:
            self._tokens.put(True)  # for a job that was passed over meanwhile
        # Only after the job was removed from the running ones: its caller may come back at
        # once, and must find a free worker.
        job.complete()

    def begin_next(self) -> Job[Any] | None:
        """Begin the next job; None when none waits, or it would be too late."""
        with self._lock:
            # Work in parts, which takes long, gets half of the workers.
            is_full = len(self._in_parts) >= self._half
            job = self._queue.pop((lambda each: not each.work.in_parts) if is_full else None)
            if job is None:
                return None
            self._count_queued(job, -1)
            job.started = job.stage_began = now = time.monotonic()
            job.began_exclusive = not self._running and not self._queue
            needed = self._times.needed(job, exclusive=job.began_exclusive, now=now)
            if (late := too_late(job.deadline, now + needed)) is not None:
                job.fail(late)
                return None
            self._running.add(job)
            return job

    @property
    def _in_parts(self) -> list[Job[Any]]:
        return [job for job in self._running if job.work.in_parts]

    def checkpoint(self, job: Job[Any], left: int = 1) -> bool:
        """The Checkpoint of a job. Raises CancelledError and RefusalError."""
        if job.abandoned:
            raise CancelledError
        with self._lock:
            now = time.monotonic()
            # Learned also from jobs that are refused below: when the first stage becomes
            # slower, all jobs may be too late here, and the estimate must still follow.
            self._times.learn_stage(job, now)
            exclusive = len(self._running) == 1 and not self._queue  # the one is this job
            needed = self._times.needed(job, exclusive=exclusive, now=now, left=left)
            if (late := too_late(job.deadline, now + needed)) is not None:
                raise late
            job.passed_at = now if job.passed_at is None else job.passed_at
            job.stage_began, job.left, job.exclusive = now, left, exclusive
        if self._checkpoint_passed is not None:
            self._checkpoint_passed(job.work.kind)
        return exclusive
