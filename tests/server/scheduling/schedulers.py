"""Schedulers under test, and work to keep them busy."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

from facewire_server.scheduling.job import Checkpoint, FixedWork
from facewire_server.scheduling.scheduler import Scheduler


@asynccontextmanager
async def scheduler(*, workers: int = 1, max_queue: int = 8) -> AsyncIterator[Scheduler]:
    """A scheduler that is closed in the end."""
    made = Scheduler(workers=workers, max_queue=max_queue)
    try:
        yield made
    finally:
        made.close()


class Hold:
    """Work that lasts until it is let go."""

    def __init__(self) -> None:
        self.started = threading.Event()
        self.let_go = threading.Event()

    def __call__(self, checkpoint: Checkpoint) -> str:
        checkpoint()
        self.started.set()
        assert self.let_go.wait(60)
        return "done"


async def busy(made: Scheduler) -> tuple[Hold, Awaitable[object]]:
    """Occupies one worker."""
    hold = Hold()
    running = asyncio.create_task(made.run(FixedWork(hold, "hold")))
    await asyncio.to_thread(hold.started.wait, 10)
    return hold, running
