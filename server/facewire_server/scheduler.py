"""Who may work now, who waits, and who is turned away.

Work runs on threads that take it from the queue themselves, so that none of them
waits for the event loop while there is something to do. Rule: at most `workers` at a
time; clients take turns; at most `max_queue` wait, but for the patient, who are few by
another rule; nothing is begun that would be too late. It knows nothing of images or
gRPC.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Generic, Protocol, TypeVar

from facewire_server.errors import Reason, RefusalError
from facewire_server.fair_queue import FairQueue
from facewire_server.forecast import Forecast
from facewire_server.pace import Pace
from facewire_server.turn import Commit, Kind, Turn

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

    def queued(self, depth: int) -> None:
        """So many wait now."""

    def committed(self, kind: str) -> None:
        """A piece of work goes on to its costly part."""


class Scheduler:
    """Runs blocking work on a bounded number of threads, with a bounded queue."""

    def __init__(self, *, workers: int, max_queue: int) -> None:
        self.workers = workers
        self.max_queue = max_queue
        self._observer: Observer | None = None
        self._lock = threading.Lock()
        # What follows is guarded by the lock.
        self._queue: FairQueue[Turn[Any]] = FairQueue()
        self._impatient = 0
        self._running: set[Turn[Any]] = set()
        self._pace = Pace()
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
        work: Callable[[Commit], T],
        *,
        kind: Kind,
        client: Hashable = None,
        deadline: float | None = None,
        patient: bool = False,
    ) -> Outcome[T]:
        """Runs `work` on a thread and answers what it returns.

        `kind` groups work of like duration, such as a model's name, and may be another
        until the work begins; `client` takes turns with the others; `deadline` is a
        time of `time.monotonic`; `patient` callers wait however long the queue is.
        Raises RefusalError: QUEUE_FULL with the time after which there is room,
        DEADLINE_UNREACHABLE when the work would be too late.

        A caller that is cancelled gives up its place; if the work has begun, it ends
        at its call of Commit.
        """
        turn = Turn(
            work,
            self,
            kind=kind,
            client=client,
            deadline=deadline,
            patient=patient,
        )
        with self._lock:
            self._admit(turn)
            self._queue.push(client, turn)
            self._count(turn, 1)
        self._tokens.put(True)
        try:
            return Outcome(await turn.outcome, turn.waited)
        except asyncio.CancelledError:
            self._abandon(turn)
            raise
        finally:
            # An error's traceback holds this frame, and the turn would hold the error.
            del turn, work

    def close(self) -> None:
        """Ends the threads as they become idle; what waits is cancelled."""
        with self._lock:
            while (turn := self._queue.pop()) is not None:
                self._count(turn, -1)
                turn.outcome.cancel()
        for _ in range(self.workers):
            self._tokens.put(False)

    def committed(self, kind: str) -> bool:
        """See Scheduling."""
        if self._observer is not None:
            self._observer.committed(kind)
        return len(self._running) == 1 and not self._queue

    def _admit(self, turn: Turn[Any]) -> None:
        """Raises when there is no room, or the deadline would pass in the queue."""
        forecast = Forecast(self._pace, time.monotonic())
        ahead = list(self._queue.ahead(turn.client))
        count = len(self._running) + len(ahead)
        wait = 0.0
        if count >= self.workers:
            left = forecast.left(self._running) + forecast.total(ahead)
            wait = left / self.workers
        needed = forecast.needed(turn, alone=not count)
        late = turn.too_late(forecast.now + wait + needed)
        if late is not None:
            raise late
        if not turn.patient and self._is_full():
            self._make_room(turn, forecast)

    def _is_full(self) -> bool:
        patient = len(self._queue) - self._impatient
        free = max(0, self.workers - len(self._running) - patient)
        return self._impatient - free >= self.max_queue

    def _make_room(self, newcomer: Turn[Any], forecast: Forecast) -> None:
        """Turns away the newest of the client that has most waiting.

        Raises QUEUE_FULL when that is the newcomer, or would be with it.
        """
        most: list[Turn[Any]] = []
        own = 0
        for client, line in self._queue.lines():
            impatient = [turn for turn in line if not turn.patient]
            if client == newcomer.client:
                own = len(impatient)
            elif len(impatient) > len(most):
                most = impatient
        if len(most) <= own + 1:
            raise self._full(forecast)
        self._queue.remove(most[-1].client, most[-1])
        self._count(most[-1], -1)
        most[-1].fail(self._full(forecast))

    def _full(self, forecast: Forecast) -> RefusalError:
        seconds = forecast.total(self._running)
        for _, line in self._queue.lines():
            seconds += forecast.total(line)
        return RefusalError(
            Reason.QUEUE_FULL,
            f"{len(self._running)} requests are worked on and {self.depth} wait",
            retry_after=max(seconds / self.workers, LEAST_PUSHBACK),
        )

    def _count(self, turn: Turn[Any], change: int) -> None:
        """Takes note of a turn that was put into the queue, or taken out."""
        if not turn.patient:
            self._impatient += change
        if self._observer is not None:
            self._observer.queued(len(self._queue))

    def _abandon(self, turn: Turn[Any]) -> None:
        with self._lock:
            turn.abandoned = True
            if self._queue.remove(turn.client, turn):
                self._count(turn, -1)

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

    def _learn(self, turn: Turn[Any]) -> None:
        if turn.committed:
            now = time.monotonic()
            took = now - turn.started
            self._pace.learn(turn.kind, took, alone=turn.was_alone, now=now)

    def _next(self) -> Turn[Any] | None:
        """Begins the next turn; None: it was abandoned, or is too late."""
        with self._lock:
            turn = self._queue.pop()
            if turn is None:
                return None
            self._count(turn, -1)
            turn.started = time.monotonic()
            alone = not self._running and not self._queue
            needed = Forecast(self._pace, turn.started).needed(turn, alone=alone)
            late = turn.too_late(turn.started + needed)
            if late is not None:
                turn.fail(late)
                return None
            self._running.add(turn)
            return turn
