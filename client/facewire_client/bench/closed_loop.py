"""A closed loop: so many users, each with one request at a time."""

import asyncio
from dataclasses import dataclass
from time import monotonic

from facewire_client.bench.load import Sender
from facewire_client.bench.window import Window


@dataclass(frozen=True, slots=True)
class ClosedLoop:
    """Keeps `concurrency` requests in flight; each answer lets the next one go.

    It finds what a server can do at most. Its latencies are those of users who wait
    for a slow server before they ask again: see `OpenLoop` for the others.
    """

    concurrency: int

    async def drive(self, sender: Sender, window: Window) -> None:
        """See `Load`."""
        async with asyncio.TaskGroup() as users:
            for _ in range(self.concurrency):
                users.create_task(_ask(sender, window))


async def _ask(sender: Sender, window: Window) -> None:
    while (now := monotonic()) < window.closes:
        await sender.send(now)
