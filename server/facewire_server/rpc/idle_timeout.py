"""How long a stream has stood still because of its peer.

Rule: the time that the server itself takes for what it was sent is not counted. It
knows nothing of gRPC; each request has one answer.
"""

import asyncio
import math
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import TypeVar

T = TypeVar("T")


class IdleTimeout:
    """Notes what passes on one stream. Runs on the server's event loop."""

    def __init__(self, limit: float) -> None:
        """`limit` in seconds; 0: none."""
        self._limit = limit or math.inf
        self._since = time.monotonic()
        self._unanswered = 0
        self._reading = False
        self._sending = False

    def requests(self, source: AsyncIterator[T]) -> AsyncIterator[T]:
        """The same, noted; none is kept while the next one is awaited."""
        return _Noted(source, self._begin_to_read, self._note_request)

    def _begin_to_read(self) -> None:
        self._reading = True
        self._since = time.monotonic()

    def _note_request(self) -> None:
        self._reading = False
        self._unanswered += 1
        self._since = time.monotonic()

    async def answers(self, source: AsyncIterator[T]) -> AsyncGenerator[T]:
        """The same, noted; the next one is asked for when one has been sent."""
        async for answer in source:
            self._unanswered -= 1
            self._sending = True
            self._since = time.monotonic()
            yield answer
            self._sending = False
            self._since = time.monotonic()

    async def lasts(self) -> str:
        """Returns when the peer has done nothing for too long, and says what not."""
        if math.isinf(self._limit):
            await asyncio.Event().wait()
        while True:
            now = time.monotonic()
            servers_turn = self._unanswered or not self._reading
            if servers_turn and not self._sending:
                self._since = now
            left = self._since + self._limit - now
            if left <= 0:
                break
            await asyncio.sleep(left)
        done = "taken no answer" if self._sending else "sent nothing"
        return f"the client has {done} for {self._limit:g} s"


class _Noted(AsyncIterator[T]):
    """What comes from a source; calls `before` and `after` for each."""

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
