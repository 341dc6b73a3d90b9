"""Many requests side by side, their answers in order: the heart of a stream.

Rule: what is in work and what waits is bounded, whatever the speeds of sender and
reader. It knows nothing of images or gRPC.
"""

import asyncio
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
)
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from facewire_server.rpc.latest_slot import LatestSlot

Q = TypeVar("Q")
A = TypeVar("A")

BACKLOG = 1024
"""The most answers that wait for a slow reader when requests may be dropped."""


@dataclass(frozen=True, slots=True)
class Asked(Generic[Q, A]):
    """A request of a stream, and the answer to come."""

    request: Q
    answer: asyncio.Future[A]


async def _at_once() -> None:
    """There is always room."""


class OrderedStream(Generic[Q, A]):
    """Answers the requests of one stream. Runs on the server's event loop."""

    def __init__(
        self,
        answer: Callable[[LatestSlot[Asked[Q, A]]], Coroutine[Any, Any, A]],
        *,
        window: int,
        room: Callable[[], Awaitable[None]] = _at_once,
        refused: Callable[[Q], A | None] = lambda _: None,
        dropped: Callable[[Q], A] | None = None,
    ) -> None:
        """`answer` takes the request when the work on it begins, and must not fail.

        `room` returns when one more may be read; one that takes the place of another
        needs none. `refused` is the answer to a request that is not to be worked on,
        None: it is.

        `dropped` None: when `window` requests are in work or unsent, no more is read.
        Otherwise all requests are read; one that was not taken yet gives way to a
        newer one and is answered with `dropped`, so that no more than one waits.
        """
        self._answer = answer
        self._room = room
        self._refused = refused
        self._dropped = dropped
        self._places = asyncio.Semaphore(window if dropped is None else BACKLOG)
        self._answers: asyncio.Queue[asyncio.Future[A] | None] = asyncio.Queue()
        self._running: set[asyncio.Task[None]] = set()
        self._last: LatestSlot[Asked[Q, A]] | None = None
        self.stopped = False
        """Whether `run` has ended because of `stop`."""

    async def run(self, requests: AsyncIterator[Q], stop: asyncio.Event) -> AsyncGenerator[A]:
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
            while True:
                # Before it is read: what is not is with the sender.
                await self._places.acquire()
                if self._last is None or self._last.is_taken:
                    await asyncio.sleep(0)  # what was read last is to be counted first
                    await self._room()
                self._enter(await anext(requests))
        except StopAsyncIteration:
            pass
        finally:
            self._answers.put_nowait(None)

    def _enter(self, request: Q) -> None:
        future = asyncio.get_running_loop().create_future()
        self._answers.put_nowait(future)
        refusal = self._refused(request)
        asked = Asked(request, future)
        if refusal is not None:
            future.set_result(refusal)
        elif not self._gives_way(asked):
            self._start(asked)

    def _gives_way(self, newer: Asked[Q, A]) -> bool:
        """Whether the last request has given its place to a newer one."""
        if self._dropped is None or self._last is None:
            return False
        older = self._last.replace(newer)
        if older is None:
            return False
        older.answer.set_result(self._dropped(older.request))
        return True

    def _start(self, asked: Asked[Q, A]) -> None:
        place = LatestSlot(asked)
        if self._dropped is not None:
            self._last = place
        task = asyncio.create_task(self._work(place))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _work(self, place: LatestSlot[Asked[Q, A]]) -> None:
        answer = await self._answer(place)
        place.take().answer.set_result(answer)
        if self._last is place:
            self._last = None  # it would keep the request until the next one comes


async def _cancel_on(stop: asyncio.Event, reader: asyncio.Task[None]) -> None:
    await stop.wait()
    reader.cancel()
