"""Memory that is free is given back to the system when a server is quiet.

Rule: never while requests are under way. They would have to ask for it again, page by
page, and what is freed under load is used again soon.
"""

import asyncio
import ctypes
from collections.abc import Callable

from facewire_server.system.daemon_thread import aside

POLL_SECONDS = 5.0
"""How often it looks; a server is quiet when nothing has arrived between two looks."""


class MemoryTrim:
    """Watches for quiet while `run` runs, on the server's event loop."""

    def __init__(
        self,
        arrived: Callable[[], int],
        under_way: Callable[[], int],
        trim: Callable[[], object] | None = None,
    ) -> None:
        """`arrived` and `under_way` count requests, all of them and those of now.

        `trim` gives memory back; None: as the C library does, if it can.
        """
        self._arrived = arrived
        self._under_way = under_way
        self._trim = trim or malloc_trim
        self._seen = self._trimmed = arrived()

    async def run(self) -> None:
        """Looks again and again, until it is cancelled."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            await self.look()

    async def look(self) -> None:
        """Gives memory back, once for each time that the server becomes quiet."""
        arrived = self._arrived()
        is_quiet = arrived == self._seen and not self._under_way()
        self._seen = arrived
        if is_quiet and arrived != self._trimmed:
            self._trimmed = arrived
            await asyncio.wrap_future(aside(self._trim))


def malloc_trim() -> None:
    """Have the C library give back what is free; other libraries than glibc cannot."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
