"""The memory of the process: whether it suffices, and the return of what is free."""

import asyncio
import ctypes
import errno
from collections.abc import Callable

import numpy as np

from facewire_server.system.daemon_thread import run_in_daemon_thread

POLL_SECONDS = 5.0
"""Seconds between two checks; a server is idle if no request has arrived between them."""

# Messages of OpenCV and libjpeg; of C++, as OpenVINO passes it on; of Pillow, with the
# number of its error (IMAGING_CODEC_MEMORY) and as text.
_OUT_OF_MEMORY = ("Insufficient memory", "bad_alloc", "decoder error -9", "out of memory")

_SHORTAGES = (errno.ENOMEM, errno.EMFILE, errno.ENFILE)


def is_lack_of_memory(error: BaseException) -> bool:
    """Whether an error of any library means that the machine had no memory."""
    return isinstance(error, MemoryError) or any(text in str(error) for text in _OUT_OF_MEMORY)


def is_shortage(error: BaseException) -> bool:
    """Whether an error, or its cause, means a lack of memory or of file descriptors.

    Both are free again when other requests have ended; nobody's input is at fault.
    """
    return is_lack_of_memory(error) or any(
        isinstance(each, OSError) and each.errno in _SHORTAGES for each in (error, error.__cause__)
    )


def is_available(size: int) -> bool:
    """Whether the process could have `size` more bytes now. They are not touched."""
    try:
        np.empty(size, np.uint8)
    except MemoryError:
        return False
    return True


class MemoryTrim:
    """Gives free memory back to the system when a server becomes idle.

    It does nothing while requests are in flight: they would have to request the memory
    again, page by page, and memory that is freed under load is used again soon.
    """

    def __init__(
        self,
        arrived: Callable[[], int],
        in_flight: Callable[[], int],
        trim: Callable[[], object] | None = None,
    ) -> None:
        """`arrived` counts all requests so far, `in_flight` those that run now.

        `trim` gives memory back; None: `malloc_trim`.
        """
        self._arrived = arrived
        self._in_flight = in_flight
        self._trim = trim or malloc_trim
        self._last_arrived = self._trimmed_at = arrived()

    async def run(self) -> None:
        """Check every POLL_SECONDS, until it is cancelled."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            await self.check()

    async def check(self) -> None:
        """Give memory back, once for each time that the server becomes idle."""
        arrived = self._arrived()
        is_idle = arrived == self._last_arrived and not self._in_flight()
        self._last_arrived = arrived
        if is_idle and arrived != self._trimmed_at:
            self._trimmed_at = arrived
            await asyncio.wrap_future(run_in_daemon_thread(self._trim))


def malloc_trim() -> None:
    """Have glibc give free memory back; other C libraries have no such function."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
