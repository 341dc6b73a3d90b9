"""Slots for open calls: how many the server takes at a time.

Rule: calls, health checks and health watches are counted separately, so that probes get a
slot however many other calls are open.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from grpc_health.v1 import health

from facewire_server.errors import Reason, RefusalError
from facewire_server.rpc.health import OPEN_INFERENCE, PROBES

HEALTH_CHECK = f"/{health.SERVICE_NAME}/Check"
HEALTH_WATCH = f"/{health.SERVICE_NAME}/Watch"

CHECKS = frozenset((HEALTH_CHECK, *(f"/{OPEN_INFERENCE}/{name}" for name in PROBES)))
"""All health checks."""

RETRY_SECONDS = 1.0
"""Seconds after which a caller that got no slot is to try again."""


class CallSlots:
    """The slots of one server. Runs on its event loop."""

    def __init__(self, *, max_calls: int, max_watches: int) -> None:
        """`max_calls` limits calls, and separately health checks; `max_watches` health watches."""
        self._calls = _CountedSlots(max_calls)
        self._checks = _CountedSlots(max_calls)
        self._watches = WatchSlots(max_watches)

    def slot(self, path: str, peer: Callable[[], str]) -> AbstractAsyncContextManager[None]:
        """Hold a slot for one call of the method `path`; `peer` returns its connection.

        Entering raises RefusalError (TOO_MANY_CALLS) when none is free; see WatchSlots for
        watches.
        """
        if path == HEALTH_WATCH:
            return self._watches.slot(peer())
        return self._checks if path in CHECKS else self._calls


class _CountedSlots(AbstractAsyncContextManager[None]):
    """Slots that are alike, so that they are only counted: each `async with` holds one."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken = 0

    async def __aenter__(self) -> None:
        if self._taken >= self._limit:
            raise RefusalError(
                Reason.TOO_MANY_CALLS,
                f"the server has {self._limit} calls open, and takes no more",
                RETRY_SECONDS,
            )
        self._taken += 1

    async def __aexit__(self, *failure: object) -> None:
        self._taken -= 1


class WatchSlots:
    """Slots for health watches, which last long and need no token.

    When all are taken, the newest watch of the connection that has most is ended, so that
    one connection cannot keep all others from watching.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken = 0
        self._slots: dict[str, list[asyncio.Timeout]] = {}

    @asynccontextmanager
    async def slot(self, connection: str) -> AsyncIterator[None]:
        """Hold a slot for one watch.

        Raises RefusalError (TOO_MANY_CALLS) when none is free, or when this one is given to
        another connection; in that case the code inside the context is cancelled.
        """
        if self._taken >= self._limit:
            self._make_room(connection)
        try:
            # A timeout without an end: `_make_room` lets it expire, which cancels the
            # code inside as asyncio does it, and differs from other cancellations.
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
        """End the newest watch of the connection that has most of them.

        Raises RefusalError when the newcomer has as many, or would have with this one.
        """
        connection = max(self._slots, key=lambda each: len(self._slots[each]))
        slots = self._slots[connection]
        if len(slots) <= len(self._slots.get(newcomer, ())) + 1:
            raise self._full()
        newest = slots[-1]
        # Released here and not when its task has ended, so that the count is right now.
        self._release(connection, newest)
        newest.reschedule(asyncio.get_running_loop().time())

    def _take(self, connection: str, slot: asyncio.Timeout) -> None:
        self._slots.setdefault(connection, []).append(slot)
        self._taken += 1

    def _release(self, connection: str, slot: asyncio.Timeout) -> None:
        """Free a slot; does nothing for one that `_make_room` has freed already."""
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
