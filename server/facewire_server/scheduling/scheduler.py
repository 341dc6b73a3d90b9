"""Who may work now, who waits, and who is turned away.

Work runs on threads that take it from the queue themselves, so that none of them
waits for the event loop while there is something to do. Rule: at most `workers` at a
time; clients take turns; at most `max_queue` wait, and at most `max_queued_bytes`, but
for the patient, who ask for `room` before they bring more; nothing is begun that would
be too late. It knows nothing of images or gRPC.
"""

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Generic, Protocol, TypeVar

from facewire_server.errors import Reason, RefusalError
from facewire_server.scheduling.backpressure import Backpressure
from facewire_server.scheduling.estimate import Estimate
from facewire_server.scheduling.job import Checkpoint, Job, Kind, Size
from facewire_server.scheduling.job_queue import JobQueue
from facewire_server.scheduling.queue_limit import PATIENT_PART, QueueLimit
from facewire_server.scheduling.service_time import ServiceTimes

T = TypeVar("T")

LEAST_PUSHBACK = 0.01
"""Seconds that one who is turned away is asked to stay away at least."""


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """What the work returned, and how long it waited for a worker, in seconds."""

    value: T
    waited: float


class Observer(Protocol):
    """Is told what a scheduler does, on whatever thread that happens."""

    def queued(self, depth: int, size: int) -> None:
        """So many wait now, with so many bytes."""

    def committed(self, kind: str) -> None:
        """A piece of work goes on to its costly part."""


class Scheduler:
    """Runs blocking work on a bounded number of threads, with a bounded queue."""

    def __init__(
        self, *, workers: int, max_queue: int, max_queued_bytes: int = sys.maxsize
    ) -> None:
        """`max_queued_bytes`: of what waits; at most half of it is of the patient."""
        self.workers = workers
        self.max_queue = max_queue
        self._limit = QueueLimit(workers, max_queue, max_queued_bytes)
        self._patient = Backpressure(max_queued_bytes // PATIENT_PART)
        self._observer: Observer | None = None
        self._lock = threading.Lock()
        # What follows is guarded by the lock.
        self._queue = JobQueue()
        self._running: set[Job[Any]] = set()
        self._pace = ServiceTimes()
        # A token for each turn that was ever queued; False: a thread shall end.
        self._tokens: SimpleQueue[bool] = SimpleQueue()
        for number in range(workers):
            name = f"facewire-{number}"
            threading.Thread(target=self._work, name=name, daemon=True).start()

    @property
    def depth(self) -> int:
        """How many wait for a worker."""
        return len(self._queue)

    @property
    def running(self) -> int:
        """How many are worked on."""
        return len(self._running)

    def longest_running(self, now: float) -> tuple[str, float] | None:
        """The kind of what is worked on for longest, and for how many seconds.

        `now` is a time of `time.monotonic`. None: nothing is worked on.
        """
        with self._lock:
            turn = min(self._running, key=lambda turn: turn.started, default=None)
        return None if turn is None else (turn.kind, now - turn.started)

    def watch(self, observer: Observer) -> None:
        """Has `observer` told from now on."""
        self._observer = observer

    async def run(
        self,
        work: Callable[[Checkpoint], T],
        *,
        kind: Kind,
        client: Hashable = None,
        deadline: float | None = None,
        size: Size = 0,
        patient: bool = False,
    ) -> Outcome[T]:
        """Runs `work` on a thread and answers what it returns.

        `kind` groups work of like duration, such as a model's name; `size` is how many
        bytes are kept until it begins; both may be others until then. `client` takes
        turns with the others; `deadline` is a time of `time.monotonic`; `patient`
        callers wait however much waits, and have waited for `room` before. Raises
        RefusalError: QUEUE_FULL with the time after which there is room,
        DEADLINE_UNREACHABLE when the work would be too late.

        A caller that is cancelled gives up its place; if the work has begun, it ends
        at its call of Checkpoint.
        """
        turn = Job(
            work,
            self,
            kind=kind,
            client=client,
            deadline=deadline,
            size=size,
            patient=patient,
        )
        with self._lock:
            self._admit(turn)
            self._queue.push(turn)
            if patient:
                self._patient.add(turn.queued_size)
            self._tell_queued()
        self._tokens.put(True)
        try:
            return Outcome(await turn.outcome, turn.waited)
        except asyncio.CancelledError:
            self._abandon(turn)
            raise
        finally:
            # An error's traceback holds this frame, and the turn would hold the error.
            del turn, work, kind, size

    async def room(self, client: Hashable) -> None:
        """Returns when a patient client may bring more."""
        await self._patient.room(client)

    def close(self) -> None:
        """Ends the threads as they become idle; what waits is cancelled."""
        with self._lock:
            while (turn := self._queue.pop()) is not None:
                self._left_queue(turn)
                turn.outcome.cancel()
        for _ in range(self.workers):
            self._tokens.put(False)

    def committed(self, turn: Job[Any]) -> bool:
        """See Scheduling."""
        with self._lock:
            now = turn.checkpoint = time.monotonic()
            took, began_alone = now - turn.started, turn.began_alone
            self._pace.learn(turn.like, took, alone=began_alone, now=now)
            alone = len(self._running) == 1 and not self._queue
            needed = Estimate(self._pace, now).needed_after(turn, alone=alone)
            late = turn.too_late(now + needed)
            if late is not None:
                raise late
            turn.committed, turn.was_alone = True, alone
        if self._observer is not None:
            self._observer.committed(turn.kind)
        return alone

    def _admit(self, turn: Job[Any]) -> None:
        """Raises when there is no room, or the deadline would pass in the queue."""
        if turn.deadline is not None:
            forecast = Estimate(self._pace, time.monotonic())
            alone = not self._running and not self._queue
            needed = forecast.needed(turn, alone=alone)
            late = turn.too_late(forecast.now + self._wait(turn, forecast) + needed)
            if late is not None:
                raise late
        if not turn.patient:
            self._make_room(turn)

    def _wait(self, turn: Job[Any], forecast: Estimate) -> float:
        """Seconds until a worker would take it: those who wait take the mean of all."""
        ahead = self._queue.ahead(turn.client)
        if len(self._running) + ahead < self.workers:
            return 0.0
        left = forecast.left(self._running)
        if ahead:
            left += forecast.total(self._queue.like) * ahead / len(self._queue)
        return left / self.workers

    def _make_room(self, newcomer: Job[Any]) -> None:
        """Turns others away if need be. Raises QUEUE_FULL when that is of no use."""
        running = len(self._running)
        victims = self._limit.victims(newcomer, self._queue, running)
        if victims is None:
            raise self._full()
        for turn in victims:
            self._queue.remove(turn)
            self._left_queue(turn)
            turn.fail(self._full())

    def _full(self) -> RefusalError:
        forecast = Estimate(self._pace, time.monotonic())
        seconds = forecast.left(self._running) + forecast.total(self._queue.like)
        return RefusalError(
            Reason.QUEUE_FULL,
            f"{len(self._running)} requests are worked on and {self.depth} wait",
            retry_after=max(seconds / self.workers, LEAST_PUSHBACK),
        )

    def _left_queue(self, turn: Job[Any]) -> None:
        """Takes note of a turn that was taken out of the queue."""
        if turn.patient:
            self._patient.remove(turn.queued_size)
        self._tell_queued()

    def _tell_queued(self) -> None:
        if self._observer is not None:
            self._observer.queued(len(self._queue), self._queue.size)

    def _abandon(self, turn: Job[Any]) -> None:
        with self._lock:
            turn.abandoned = True
            if self._queue.remove(turn):
                self._left_queue(turn)

    def _work(self) -> None:
        """The life of a thread. While it waits it keeps nothing of what it did."""
        while self._tokens.get():
            self._work_once()

    def _work_once(self) -> None:
        turn = self._next()
        if turn is None:
            return
        turn.work()
        with self._lock:
            self._running.discard(turn)
            self._learn(turn)
        # Only now: who is told may come back at once, and shall find a worker.
        turn.tell()

    def _learn(self, turn: Job[Any]) -> None:
        if turn.committed:
            now = time.monotonic()
            took = now - turn.checkpoint
            self._pace.learn(turn.kind, took, alone=turn.was_alone, now=now)

    def _next(self) -> Job[Any] | None:
        """Begins the next turn; None: it was abandoned, or is too late."""
        with self._lock:
            turn = self._queue.pop()
            if turn is None:
                return None
            self._left_queue(turn)
            turn.started = time.monotonic()
            turn.began_alone = alone = not self._running and not self._queue
            needed = Estimate(self._pace, turn.started).needed(turn, alone=alone)
            late = turn.too_late(turn.started + needed)
            if late is not None:
                turn.fail(late)
                return None
            self._running.add(turn)
            return turn
