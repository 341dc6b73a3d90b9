"""Many requests side by side, their answers in order: the heart of a stream.

Rule: at most `window` requests are worked on, and what waits is bounded, whatever
the speeds of sender and reader. It knows nothing of images or gRPC.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from typing import Any, Generic, TypeVar

Q = TypeVar("Q")
A = TypeVar("A")

BACKLOG = 1024
"""The most answers that wait for a slow reader when requests may be dropped."""


class Pipeline(Generic[Q, A]):
    """Answers the requests of one stream. Runs on the server's event loop."""

    def __init__(
        self,
        answer: Callable[[Q], Coroutine[Any, Any, A]],
        *,
        window: int,
        dropped: Callable[[Q], A] | None = None,
    ) -> None:
        """`answer` must not fail.

        `dropped` None: when `window` requests are in work or unsent, no more is
        read. Otherwise requests are read on; one that was not yet started gives way
        to a newer one and is answered with `dropped`.
        """
        self._answer = answer
        self._window = window
        self._dropped = dropped
        self._places = asyncio.Semaphore(window if dropped is None else BACKLOG)
        self._answers: asyncio.Queue[asyncio.Future[A] | None] = asyncio.Queue()
        self._running: set[asyncio.Task[None]] = set()
        self.stopped = False
        """Whether `run` has ended because of `stop`."""
        self._waiting: tuple[Q, asyncio.Future[A]] | None = None

    async def run(
        self, requests: AsyncIterator[Q], stop: asyncio.Event
    ) -> AsyncGenerator[A]:
        """The answers, in the order of the requests, until those end or `stop`."""
        reader = asyncio.create_task(self._read(requests))
        stopper = asyncio.create_task(_cancel_on(stop, reader))
        try:
            while (future := await self._answers.get()) is not None:
                yield await future
                self._places.release()
            await asyncio.wait((reader,))
            self.stopped = reader.cancelled()
            if not self.stopped:
                reader.result()  # raises what went wrong while reading
        finally:
            for task in (stopper, reader, *self._running):
                task.cancel()

    async def _read(self, requests: AsyncIterator[Q]) -> None:
        try:
            async for request in requests:
                await self._places.acquire()
                future = asyncio.get_running_loop().create_future()
                self._answers.put_nowait(future)
                if len(self._running) < self._window:
                    self._start(request, future)
                else:
                    self._give_way(request, future)
        finally:
            self._answers.put_nowait(None)

    def _give_way(self, request: Q, future: asyncio.Future[A]) -> None:
        """Puts the newest request in the place of the one that waits."""
        if self._waiting is not None and self._dropped is not None:
            older, unanswered = self._waiting
            unanswered.set_result(self._dropped(older))
        self._waiting = (request, future)

    def _start(self, request: Q, future: asyncio.Future[A]) -> None:
        task = asyncio.create_task(self._work(request, future))
        self._running.add(task)
        task.add_done_callback(self._ended)

    async def _work(self, request: Q, future: asyncio.Future[A]) -> None:
        future.set_result(await self._answer(request))

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if self._waiting is not None and not task.cancelled():
            request, future = self._waiting
            self._waiting = None
            self._start(request, future)


async def _cancel_on(stop: asyncio.Event, reader: asyncio.Task[None]) -> None:
    await stop.wait()
    reader.cancel()
