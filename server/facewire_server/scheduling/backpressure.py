"""Holds those who would bring more work while too much of what they brought waits.

Rule: when work has begun, one of them may bring the next, and clients take turns; when
nothing waits, all may. So each gets on, and what waits stays about at the limit.
"""

import asyncio
import threading
from collections.abc import Hashable
from contextlib import suppress

from facewire_server.scheduling.fair_queue import FairQueue


class Backpressure:
    """Counts the bytes that wait. `room` is for event loops, the rest for any thread."""

    def __init__(self, limit: int) -> None:
        """`limit`: from so many bytes on nobody shall bring more."""
        self._limit = max(1, limit)
        self._lock = threading.Lock()
        # What follows is guarded by the lock.
        self._held = 0
        self._waiting: FairQueue[asyncio.Future[None]] = FairQueue()

    async def room(self, client: Hashable) -> None:
        """Returns when this client may bring more."""
        with self._lock:
            if self._held < self._limit and not self._waiting:
                return
            turn = asyncio.get_running_loop().create_future()
            self._waiting.push(client, turn)
        try:
            await turn
        except asyncio.CancelledError:
            with self._lock:
                if not self._waiting.remove(client, turn):
                    self._let_in()  # another one, in its place
            raise

    def add(self, size: int) -> None:
        """Counts what has been brought."""
        with self._lock:
            self._held += size

    def remove(self, size: int) -> None:
        """Counts out what waits no more."""
        with self._lock:
            self._held -= size
            self._let_in()

    def _let_in(self) -> None:
        if self._held >= self._limit:
            return
        for _ in range(1 if self._held else len(self._waiting)):
            turn = self._waiting.pop()
            if turn is not None:
                with suppress(RuntimeError):  # its loop is closed
                    turn.get_loop().call_soon_threadsafe(_settle, turn)


def _settle(turn: asyncio.Future[None]) -> None:
    if not turn.done():
        turn.set_result(None)
