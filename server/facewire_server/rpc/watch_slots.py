"""The places of those who watch health: a peer needs no token to take one.

Rule: when all are taken, the connection that has most gives one up, so that who wants
one gets one however many another connection has opened.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from facewire_server.errors import Reason, RefusalError

RETRY_SECONDS = 1.0
"""When to come back to a server with too many watches."""


class WatchSlots:
    """So many slots, by connection. Runs on the server's event loop."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken = 0
        self._slots: dict[str, list[asyncio.Timeout]] = {}

    @asynccontextmanager
    async def slot(self, connection: str) -> AsyncIterator[None]:
        """The life of one watch.

        Raises RefusalError when there is no slot for it, or when it has to give its
        own to another connection; what runs inside is cancelled then.
        """
        if self._taken >= self._limit:
            self._make_room(connection)
        try:
            # It never runs out by itself: `_make_room` has it expire.
            async with asyncio.timeout(None) as slot:
                self._take(connection, slot)
                try:
                    yield
                finally:
                    self._release(connection, slot)
        except TimeoutError:
            if not slot.expired():
                raise
            raise self._full() from None

    def _make_room(self, newcomer: str) -> None:
        """Ends the newest watch of the connection that has most.

        Raises RefusalError when the newcomer has as many, or would have with this one.
        """
        connection = max(self._slots, key=lambda each: len(self._slots[each]))
        slots = self._slots[connection]
        if len(slots) <= len(self._slots.get(newcomer, ())) + 1:
            raise self._full()
        newest = slots[-1]
        self._release(connection, newest)
        newest.reschedule(asyncio.get_running_loop().time())

    def _take(self, connection: str, slot: asyncio.Timeout) -> None:
        self._slots.setdefault(connection, []).append(slot)
        self._taken += 1

    def _release(self, connection: str, slot: asyncio.Timeout) -> None:
        """Gives a slot back, unless it was given up already."""
        slots = self._slots.get(connection, [])
        if slot not in slots:
            return
        slots.remove(slot)
        self._taken -= 1
        if not slots:
            del self._slots[connection]

    def _full(self) -> RefusalError:
        return RefusalError(
            Reason.TOO_MANY_CALLS,
            f"the server has {self._limit} watches open, and takes no more",
            RETRY_SECONDS,
        )
