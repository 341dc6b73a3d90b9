"""A stream that runs many requests side by side and answers them in their order.

Rule: the requests that run and the answers that wait are bounded, whatever the speeds of
sender and reader. This module knows nothing of images or gRPC.
"""

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")
Q = TypeVar("Q")
A = TypeVar("A")

BACKLOG = 1024
"""The most answers that wait for a slow reader when requests may be dropped."""


class LatestSlot(Generic[T]):
    """Holds one item, which a newer one may replace until it is taken.

    Items are replaced on the event loop's thread, and taken on any.
    """

    def __init__(self, item: T) -> None:
        self._lock = threading.Lock()
        self._item = item
        self._taken = False

    @property
    def item(self) -> T:
        """The item that is in the slot now."""
        return self._item

    @property
    def is_taken(self) -> bool:
        """Whether the item was taken, so that no other can replace it."""
        return self._taken

    def take(self) -> T:
        """Return the item, which stays the same from now on."""
        with self._lock:
            self._taken = True
            return self._item

    def replace(self, newer: T) -> T | None:
        """Put a newer item in, and return the older; None: that one was taken."""
        with self._lock:
            if self._taken:
                return None
            older, self._item = self._item, newer
            return older


@dataclass(frozen=True, slots=True)
class Pending(Generic[Q, A]):
    """A request of a stream, and its answer to come."""

    request: Q
    answer: asyncio.Future[A]


async def _at_once() -> None:
    """Return at once: there is always room."""


class OrderedStream(Generic[Q, A]):
    """Answers the requests of one stream. Runs on the server's event loop."""

    def __init__(
        self,
        answer: Callable[[LatestSlot[Pending[Q, A]]], Coroutine[Any, Any, A]],
        *,
        window: int,
        room: Callable[[], Awaitable[None]] = _at_once,
        refused: Callable[[Q], A | None] = lambda _: None,
        dropped: Callable[[Q], A] | None = None,
    ) -> None:
        """`answer` takes the request when the work on it begins, and must not fail.

        `room` returns when one more may be read; a request that replaces another needs
        none. `refused` is the answer to a request that is not to be worked on, or None.

        `dropped` None: when `window` requests are in work or unsent, no more is read.
        Otherwise all requests are read; one that was not taken yet gives way to a newer
        one and is answered with `dropped`, so that at most one waits.
        """
        self._answer = answer
        self._room = room
        self._refused = refused
        self._dropped = dropped
        self._window = asyncio.Semaphore(window if dropped is None else BACKLOG)
        self._answers: asyncio.Queue[asyncio.Future[A] | None] = asyncio.Queue()
        self._running: set[asyncio.Task[None]] = set()
        self._last: LatestSlot[Pending[Q, A]] | None = None
        self.stopped = False
        """Whether `run` has ended because of `stop`."""

    async def run(self, requests: AsyncIterator[Q], stop: asyncio.Event) -> AsyncGenerator[A]:
        """Yield the answers in the order of the requests, until these end or `stop` is set."""
        reader = asyncio.create_task(self._read(requests))
        stopper = asyncio.create_task(_cancel_on(stop, reader))
        try:
            while (future := await self._answers.get()) is not None:
                yield await future
                self._window.release()
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
                # Both are waited for before a request is read: flow control then keeps
                # it with the sender.
                await self._window.acquire()
                if self._last is None or self._last.is_taken:
                    # The task of the request that was read last runs first, so that the
                    # `room` is called with that request counted.
                    await asyncio.sleep(0)
                    await self._room()
                self._enter(await anext(requests))
        except StopAsyncIteration:
            pass
        finally:
            self._answers.put_nowait(None)

    def _enter(self, request: Q) -> None:
        future = asyncio.get_running_loop().create_future()
        self._answers.put_nowait(future)
        answer = self._refused(request)
        pending = Pending(request, future)
        if answer is not None:
            future.set_result(answer)
        elif not self._replaces_last(pending):
            self._start(pending)

    def _replaces_last(self, newer: Pending[Q, A]) -> bool:
        """Replace and answer the last request, if `dropped` allows it and it was not taken."""
        if self._dropped is None or self._last is None:
            return False
        older = self._last.replace(newer)
        if older is None:
            return False
        older.answer.set_result(self._dropped(older.request))
        return True

    def _start(self, pending: Pending[Q, A]) -> None:
        slot = LatestSlot(pending)
        if self._dropped is not None:
            self._last = slot
        task = asyncio.create_task(self._work(slot))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _work(self, slot: LatestSlot[Pending[Q, A]]) -> None:
        answer = await self._answer(slot)
        slot.take().answer.set_result(answer)
        if self._last is slot:
            self._last = None  # the slot would keep the request in memory until the next one


async def _cancel_on(stop: asyncio.Event, reader: asyncio.Task[None]) -> None:
    await stop.wait()
    reader.cancel()
