"""What goes on beside the requests of a server until it ends: watching, reloading.

Rule: none of it ends unseen. What fails is logged and begun again.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine

logger = logging.getLogger("facewire_server.service.tasks")

Run = Callable[[], Coroutine[None, None, None]]

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds before a task that fails begins again: doubled each time."""


class BackgroundTasks:
    """The background tasks of one server; `cancel` ends them."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, name: str, run: Run) -> asyncio.Task[None]:
        """Runs `run` on this event loop until it returns, and again when it raises.

        `name` is what the log calls it.
        """
        task = asyncio.create_task(_keep_running(name, run), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def cancel(self) -> None:
        """Ends all of them soon."""
        for task in self._tasks:
            task.cancel()


async def _keep_running(name: str, run: Run) -> None:
    pause = FIRST_PAUSE
    while True:
        began = time.monotonic()
        try:
            return await run()
        except (Exception, asyncio.CancelledError):
            # Something that `run` has waited for may be what was cancelled.
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            if time.monotonic() - began > LONGEST_PAUSE:
                pause = FIRST_PAUSE
            logger.exception("%s failed and begins again in %g s", name, pause)
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)
