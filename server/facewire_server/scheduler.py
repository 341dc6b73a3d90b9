"""Who may work now, who waits, and who is turned away.

Work runs on threads, so that the event loop that owns the scheduler never waits
for it. Rule: first come, first served; at most `workers` at a time and `max_queue`
waiting. It knows nothing of images or gRPC.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

from facewire_server.errors import Reason, RefusalError

T = TypeVar("T")

SMOOTHING = 0.1
"""The weight of the newest duration in the running mean of a kind of work."""


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """What the work returned, and how long it waited for a worker, in seconds."""

    value: T
    waited: float


class Scheduler:
    """Runs blocking work on a bounded number of threads, with a bounded queue."""

    def __init__(self, *, workers: int, max_queue: int) -> None:
        self.workers = workers
        self.max_queue = max_queue
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="facewire")
        self._idle = workers
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._durations: dict[str, float] = {}
        self._backlog = 0.0

    @property
    def depth(self) -> int:
        """How many wait for a worker."""
        return len(self._waiting)

    @property
    def idle(self) -> int:
        """How many workers have nothing to do."""
        return self._idle

    async def run(
        self,
        work: Callable[[], T],
        *,
        kind: str,
        deadline: float | None = None,
        patient: bool = False,
    ) -> Outcome[T]:
        """Runs `work` on a thread and answers what it returns.

        `kind` groups work of like duration, such as a model's name; `deadline` is a
        time of `time.monotonic`; `patient` callers wait however long the queue is,
        and have to be few by another rule. Raises RefusalError: QUEUE_FULL with the
        time after which there is room, DEADLINE_UNREACHABLE when the work would be
        too late.
        A caller that is cancelled while it waits gives up its place.
        """
        arrived = time.monotonic()
        duration = self._durations.get(kind, 0.0)
        self._admit(arrived + duration, deadline, patient)
        self._backlog += duration
        try:
            await self._worker()
        except BaseException:
            self._backlog -= duration
            raise
        started = time.monotonic()
        try:
            _check_deadline(started + duration, deadline)
        except RefusalError:
            self._finish(duration)
            raise
        job = self._threads.submit(work)
        loop = asyncio.get_running_loop()

        def finish(_: Future[T]) -> None:
            # Not when the caller is done with it, but when the thread is: a caller
            # that is cancelled leaves its thread busy.
            took = time.monotonic() - started
            with suppress(RuntimeError):  # the server is gone, and its loop closed
                loop.call_soon_threadsafe(self._learn, kind, took)
                loop.call_soon_threadsafe(self._finish, duration)

        job.add_done_callback(finish)
        return Outcome(await asyncio.wrap_future(job), started - arrived)

    def close(self) -> None:
        """Ends the threads as they become idle."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _admit(self, finished: float, deadline: float | None, patient: bool) -> None:
        """Raises when there is no room, or the deadline would pass in the queue.

        `finished` is when the work would be done if there were no queue.
        """
        if self._idle:
            wait = 0.0
        else:
            wait = self._backlog / self.workers
            if self.depth >= self.max_queue and not patient:
                raise RefusalError(
                    Reason.QUEUE_FULL,
                    f"{self.workers} requests are worked on and {self.depth} wait",
                    retry_after=max(wait, 0.01),
                )
        _check_deadline(finished + wait, deadline)

    async def _worker(self) -> None:
        """Returns when the caller has a worker."""
        if self._idle:
            self._idle -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                with suppress(ValueError):
                    self._waiting.remove(turn)
            else:
                self._pass_on()
            raise

    def _finish(self, duration: float) -> None:
        self._backlog -= duration
        self._pass_on()

    def _pass_on(self) -> None:
        """Gives a worker that has become idle to the next who waits."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._idle += 1

    def _learn(self, kind: str, took: float) -> None:
        before = self._durations.setdefault(kind, took)
        self._durations[kind] = before + SMOOTHING * (took - before)


def _check_deadline(finished: float, deadline: float | None) -> None:
    """Raises DEADLINE_UNREACHABLE when work would be finished after its deadline."""
    if deadline is not None and finished > deadline:
        late = max(1, round((finished - deadline) * 1000))
        raise RefusalError(
            Reason.DEADLINE_UNREACHABLE,
            f"the answer would come {late} ms after the deadline",
        )
