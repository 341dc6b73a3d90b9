"""The background tasks of a server, such as watching files and reloading.

Rule: a task that fails is logged and started again.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine

logger = logging.getLogger("facewire_server.service.tasks")

Run = Callable[[], Coroutine[None, None, None]]

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds before a task that has failed starts again: doubled each time."""


class BackgroundTasks:
    """The background tasks of one server; `cancel` ends them."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, name: str, run: Run) -> asyncio.Task[None]:
        """Run `run` on this event loop until it returns, and again when it raises.

        `name` stands for it in the log.
        """
        # asyncio refers to a task only weakly: without the set it could be collected.
        task = asyncio.create_task(_keep_running(name, run), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def cancel(self) -> None:
        """Cancel all of them."""
        for task in self._tasks:
            task.cancel()


async def _keep_running(name: str, run: Run) -> None:
    pause = FIRST_PAUSE
    while True:
        started = time.monotonic()
        try:
            return await run()
        except (Exception, asyncio.CancelledError):
            # A CancelledError may also come from a future that `run` awaits; only a task
            # that was itself cancelled is to end.
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            if time.monotonic() - started > LONGEST_PAUSE:
                pause = FIRST_PAUSE
            logger.exception("%s failed and begins again in %g s", name, pause)
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)
