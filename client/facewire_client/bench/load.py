"""The two kinds of load: when requests are sent, and for how long.

All times are in seconds of `time.monotonic`, which is also the clock of asyncio.
"""

import asyncio
import random
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from itertools import chain
from time import monotonic
from typing import Any, Protocol


class MeasurementPeriod:
    """The warm-up, from `warmup_start`, and the measurement, from `start` to `end`.

    Requests are planned from `warmup_start` to `end`. Those planned from `start` on are the
    sample; those that finish between `start` and `end` make up the rates.
    """

    def __init__(self, warmup: float, duration: float) -> None:
        self.warmup_start = monotonic()
        self.start = self.warmup_start + warmup
        self.end = self.start + duration
        self.interrupted = False

    @property
    def seconds(self) -> float:
        """The length of the measurement; 0 for a run that was interrupted in its warm-up."""
        return max(0.0, self.end - self.start)

    def samples(self, planned: float) -> bool:
        """Return whether a request planned for this time belongs to the sample."""
        return planned >= self.start

    def contains(self, time: float) -> bool:
        """Return whether an event at this time counts for the rates."""
        return self.start <= time < self.end

    def interrupt(self) -> None:
        """End the run now."""
        self.interrupted = True
        self.end = min(self.end, monotonic())


class Sender(Protocol):
    """Sends requests and records their outcomes."""

    def send(self, planned: float) -> Coroutine[Any, Any, None]:
        """Send the request planned for this time, and wait until it ends."""

    def give_up(self, planned: float) -> None:
        """Record that the request planned for this time is never sent."""


class Load(Protocol):
    """Decides when requests are sent."""

    async def drive(self, sender: Sender, period: MeasurementPeriod) -> None:
        """Send requests until the period ends; return when all of them have ended.

        When it is cancelled, it gives up the requests that were due and not sent.
        """


@dataclass(frozen=True, slots=True)
class ClosedLoop:
    """Keeps `concurrency` requests in flight: each answer lets the next request go.

    It finds the most that a server can do. Its latencies are those of users who wait for a slow
    server before they ask again; `OpenLoop` has those of independent users.
    """

    concurrency: int

    async def drive(self, sender: Sender, period: MeasurementPeriod) -> None:
        """See `Load`."""
        async with asyncio.TaskGroup() as users:
            for _ in range(self.concurrency):
                users.create_task(_send_repeatedly(sender, period))


@dataclass(frozen=True, slots=True)
class OpenLoop:
    """Sends `rate` requests a second on average, as Poisson arrivals from `seed`.

    At most `outstanding` requests are in flight. A request beyond that waits, and its latency
    still counts from its planned time; one that waits until the period ends is given up.
    """

    rate: float
    seed: int
    outstanding: int

    async def drive(self, sender: Sender, period: MeasurementPeriod) -> None:
        """See `Load`."""
        slots = asyncio.Semaphore(self.outstanding)
        times = (period.warmup_start + each for each in poisson(self.rate, self.seed))
        async with asyncio.TaskGroup() as requests:
            for planned in _before_end(times, period):
                try:
                    await asyncio.sleep(max(0.0, planned - monotonic()))
                    acquired = await _acquire(slots, period)
                except asyncio.CancelledError:
                    for unsent in _before_end(chain((planned,), times), period):
                        sender.give_up(unsent)
                    raise
                if acquired:
                    request = requests.create_task(sender.send(planned))
                    request.add_done_callback(lambda _: slots.release())
                else:
                    sender.give_up(planned)


def poisson(rate: float, seed: int) -> Iterator[float]:
    """Yield the arrival times of a Poisson process: seconds from 0 on, endless, ascending.

    `rate` is the mean number of arrivals a second; the times between them are exponentially
    distributed. The same seed gives the same arrivals.
    """
    generator = random.Random(seed)
    now = 0.0
    while True:
        now += generator.expovariate(rate)
        yield now


async def _send_repeatedly(sender: Sender, period: MeasurementPeriod) -> None:
    while (now := monotonic()) < period.end:
        await sender.send(now)


def _before_end(times: Iterator[float], period: MeasurementPeriod) -> Iterator[float]:
    """Yield the times before the end of the period, which an interruption may bring forward."""
    for planned in times:
        if planned >= period.end:
            return
        yield planned


async def _acquire(slots: asyncio.Semaphore, period: MeasurementPeriod) -> bool:
    """Acquire a slot; False: none became free before the end of the period."""
    if not slots.locked():
        return await slots.acquire()
    try:
        async with asyncio.timeout_at(period.end):
            return await slots.acquire()
    except TimeoutError:
        return False
