"""The idle timeout of a stream: how long the peer may neither send nor take anything.

Rule: the time that the server itself needs for an answer does not count. This module
knows nothing of gRPC, and relies on one answer for each request.
"""

import asyncio
import math
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import TypeVar

T = TypeVar("T")


class IdleTimeout:
    """Observes the requests and the answers of one stream. Runs on its event loop."""

    def __init__(self, limit: float) -> None:
        """`limit` in seconds; 0: none."""
        self._limit = limit or math.inf
        self._idle_since = time.monotonic()
        self._unanswered = 0
        self._is_reading = False
        self._is_sending = False

    def observe_requests(self, source: AsyncIterator[T]) -> AsyncIterator[T]:
        """Pass requests on; none is referred to while the next one is awaited."""
        return _Observed(source, self._begin_to_read, self._end_reading)

    def _begin_to_read(self) -> None:
        self._is_reading = True
        self._idle_since = time.monotonic()

    def _end_reading(self) -> None:
        self._is_reading = False
        self._unanswered += 1
        self._idle_since = time.monotonic()

    async def observe_answers(self, source: AsyncIterator[T]) -> AsyncGenerator[T]:
        """Pass answers on; gRPC asks for the next one when it has sent the last."""
        async for answer in source:
            self._unanswered -= 1
            self._is_sending = True
            self._idle_since = time.monotonic()
            yield answer
            self._is_sending = False
            self._idle_since = time.monotonic()

    async def expired(self) -> str:
        """Wait until the peer has been idle for too long; return a message about it.

        The peer is idle while an answer is being sent that it does not take, or while a
        request is being read and every request before it is answered.
        """
        if math.isinf(self._limit):
            await asyncio.Event().wait()
        while True:
            now = time.monotonic()
            is_working = self._unanswered or not self._is_reading
            if is_working and not self._is_sending:
                self._idle_since = now
            left = self._idle_since + self._limit - now
            if left <= 0:
                break
            await asyncio.sleep(left)
        done = "taken no answer" if self._is_sending else "sent nothing"
        return f"the client has {done} for {self._limit:g} s"


class _Observed(AsyncIterator[T]):
    """The items of a source, with a call before and after each.

    Not a generator: its local variable would keep an item alive until the next one comes.
    """

    def __init__(
        self,
        source: AsyncIterator[T],
        before: Callable[[], None],
        after: Callable[[], None],
    ) -> None:
        self._source = source
        self._before = before
        self._after = after

    async def __anext__(self) -> T:
        self._before()
        item = await anext(self._source)
        self._after()
        return item
