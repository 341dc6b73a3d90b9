"""An open loop: requests come when they come, however slow the server is."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from time import monotonic

from facewire_client.bench.arrivals import poisson
from facewire_client.bench.load import Sender
from facewire_client.bench.window import Window


@dataclass(frozen=True, slots=True)
class OpenLoop:
    """Sends `rate` requests a second on average, as Poisson arrivals from `seed`.

    At most `outstanding` are on their way at a time. One that finds no place waits for
    it, and its latency still counts from its planned time; one that finds none before
    the window closes is given up.
    """

    rate: float
    seed: int
    outstanding: int

    async def drive(self, sender: Sender, window: Window) -> None:
        """See `Load`."""
        places = asyncio.Semaphore(self.outstanding)
        arrivals = (window.begins + each for each in poisson(self.rate, self.seed))
        async with asyncio.TaskGroup() as requests:
            for planned in _before_closing(arrivals, window):
                try:
                    await asyncio.sleep(max(0.0, planned - monotonic()))
                    taken = await _taken(places, window)
                except asyncio.CancelledError:
                    rest = chain((planned,), arrivals)
                    for late in _before_closing(rest, window):
                        sender.give_up(late)
                    raise
                if taken:
                    request = requests.create_task(sender.send(planned))
                    request.add_done_callback(lambda _: places.release())
                else:
                    sender.give_up(planned)


def _before_closing(arrivals: Iterator[float], window: Window) -> Iterator[float]:
    """The arrivals up to the closing of the window, which may move meanwhile."""
    for planned in arrivals:
        if planned >= window.closes:
            return
        yield planned


async def _taken(places: asyncio.Semaphore, window: Window) -> bool:
    """Takes a place: a free one at once, or the next one before the window closes."""
    if not places.locked():
        return await places.acquire()
    try:
        async with asyncio.timeout_at(window.closes):
            return await places.acquire()
    except TimeoutError:
        return False
