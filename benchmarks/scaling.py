"""Servers behind a round-robin balancer under bursts, retries and autoscaling, simulated.

Queue, admission and estimates are the server's own, retries those of the client, both on a
clock of events. A core does one request at a time; the second one that a worker holds waits.
"""

import asyncio
import math
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from selectors import SelectSelector
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import click
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from facewire_client.retry import MAX_ATTEMPTS, Attempts
from facewire_server.errors import RefusalError
from facewire_server.rpc.status import failure
from facewire_server.scheduling.job import FixedWork
from facewire_server.scheduling.scheduler import Scheduler

SERVICE = 0.0508  # CPU seconds of a photo with face-detection-0205: docs/comparison.md
REFUSAL = 0.0007  # of a call of 91 kB that is refused: docs/performance.md
CLIENTS, SYNC, TARGET = 64, 15.0, 0.7  # connections; seconds, and wanted load, of the autoscaler
WORK = FixedWork(lambda checkpoint: checkpoint(), "0205", 91_000)
RETRIES = ("none", "pushback", "loop")
"""The ways to retry: none; the client's own; any failure each 50 ms until the deadline."""
Segments = Sequence[tuple[float, float]]  # seconds, and calls a second that come in these


class Clock(SelectSelector):
    """Time that passes when the event loop would sleep."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        """Sleep for no time at all."""
        self.now += timeout or 0.0
        return super().select(0)


class Server(Scheduler):
    """A scheduler with a task for each core instead of threads; `places` wait for each."""

    def __init__(self, cores: int, places: int) -> None:
        super().__init__(workers=cores, max_queue=cores * places, threads=False)
        self.debt = self.busy = 0.0
        self._waiting = asyncio.Semaphore(0)
        self.tasks = [asyncio.create_task(self._core()) for _ in range(cores)]

    async def detect(self, client: int, deadline: float | None) -> float:
        """Run a job; the seconds that it has waited for a core. Raises RefusalError."""
        asyncio.get_running_loop().call_soon(self._waiting.release)  # when the job is queued
        return (await self.run(WORK, client=client, deadline=deadline)).waited

    async def _core(self) -> None:
        while await self._waiting.acquire():
            if (job := self.begin_next()) is None:
                continue
            job.run(partial(self.checkpoint, job))
            if job.passed_at is not None:
                # Refusals are the work of one event loop, which takes one core at most.
                took = SERVICE + min(self.debt, SERVICE / max(1, self.workers - 1))
                self.debt, self.busy = 0.0, self.busy + took
                await asyncio.sleep(took)
            self.end(job)


@dataclass
class Fleet:
    """Servers that are asked in turn, and counts of their calls by how they ended.

    `retry` is one of RETRIES. With `delay` servers are added so many seconds after their cores
    were too busy; none is taken away. All times are in seconds.
    """

    size: int
    retry: str = "pushback"
    deadline: float | None = 2.0
    cores: int = 2
    places: int = 9
    delay: float = math.inf
    calls: int = 0
    attempts: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)  # for a core, of each answer
    times: list[float] = field(default_factory=list)  # and when it came
    servers: list[Server] = field(default_factory=list)

    def run(self, segments: Segments, seed: int = 1) -> "Fleet":
        """Simulate until the last segment is over; calls may then be in flight."""
        random.seed(seed)
        clock = Clock()
        with (
            patch("time.monotonic", lambda: clock.now),
            patch("facewire_client.retry.monotonic", lambda: clock.now),
            asyncio.Runner(loop_factory=partial(asyncio.SelectorEventLoop, clock)) as runner,
        ):
            runner.run(self._arrive(segments))
            return self

    async def _arrive(self, segments: Segments) -> None:
        self.servers = [Server(self.cores, self.places) for _ in range(self.size)]
        loop, ends = asyncio.get_running_loop(), 0.0
        calls = [loop.create_task(self._scale())]
        for seconds, rate in segments:
            at, ends = ends, ends + seconds
            while (at := at + random.expovariate(rate)) < ends:
                await asyncio.sleep(at - loop.time())
                calls.append(loop.create_task(self._call()))
        await asyncio.sleep(ends - loop.time())
        self.ended["open"] = self.calls - self.ended.total()

    async def _call(self) -> None:
        self.calls += 1
        attempts = Attempts(self.deadline, 1 if self.retry == "none" else MAX_ATTEMPTS)
        now = asyncio.get_running_loop().time
        deadline = None if self.deadline is None else now() + self.deadline
        while True:
            server, client = self.servers[self.attempts % len(self.servers)], self.attempts
            self.attempts += 1
            try:
                self.waits.append(await server.detect(client % CLIENTS, deadline))
                self.ended["answered"] += 1
                return self.times.append(now())
            except RefusalError as error:
                server.debt += REFUSAL
                if (delay := self._delay(attempts, error)) is None:
                    self.ended["refused" if error.retry_after is not None else "expired"] += 1
                    return
            await asyncio.sleep(delay)

    def _delay(self, attempts: Attempts, error: RefusalError) -> float | None:
        if self.retry == "loop":
            return 0.05 if (attempts.seconds() or 0) > 0.05 else None
        failed = failure(error, "")
        seen: Any = SimpleNamespace(code=lambda: failed.code, trailing_metadata=failed.trailers)
        return attempts.delay(seen)

    async def _scale(self) -> None:
        wanted, loop = len(self.servers), asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SYNC)
            busy = sum(each.busy for each in self.servers) / SYNC / self.servers[0].workers
            for each in self.servers:
                each.busy = 0.0
            for _ in range(math.ceil(busy / TARGET) - wanted):
                wanted += 1
                loop.call_later(self.delay, self.servers.append, Server(self.cores, self.places))


def bursts(rate: float) -> Segments:
    """Calms of 10 s and bursts of 2 s at thrice their rate on average, 15 of each."""
    draw = random.Random(1).expovariate
    parts = [(draw(1 / mean), times) for _ in range(15) for mean, times in ((10, 1), (2, 3))]
    calm = rate * sum(each for each, _ in parts) / sum(each * times for each, times in parts)
    return [(each, times * calm) for each, times in parts]


def lines() -> Iterator[tuple[str, str, Sequence[float], list[float]]]:
    """Of each line the name of its axis, its own, and its points."""
    loads, capacity, seconds = (0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.2, 1.5, 2), 4 / SERVICE, range(180)
    for name, retry in (("steady", "none"), ("bursts", "none"), ("bursts", "pushback")):
        rates = (load * capacity for load in loads[:7])
        parts = (bursts(each) if name == "bursts" else [(180, each)] for each in rates)
        fleets = [Fleet(2, retry).run(each) for each in parts]
        failed = [100 - 100 * f.ended["answered"] / (f.calls - f.ended["open"]) for f in fleets]
        yield "% of calls that fail", f"{name}, {retry}", loads[:7], failed
    for retry in RETRIES:
        fleets = [Fleet(2, retry).run([(30, load * capacity)]) for load in loads[3:]]
        goodput = [len(each.times) / 30 / capacity for each in fleets]
        yield "answers / capacity", retry, loads[3:], goodput
        yield "attempts a call", retry, loads[3:], [each.attempts / each.calls for each in fleets]
        fleet = Fleet(2, retry, delay=30).run([(30, 0.6 * capacity), (150, 1.5 * capacity)])
        answers = np.histogram(fleet.times, seconds[::5])[0] / 5
        yield "answers a second, autoscaled", retry, seconds[:-5:5], list(answers)


@click.command(help=__doc__)
@click.argument("picture")
def main(picture: str) -> None:
    figure = Figure(figsize=(9, 6), layout="constrained")
    axes: dict[str, Axes] = {}
    for title, name, xs, ys in lines():
        print(f"{title}, {name}:", *(f"{x:g}: {y:.3g}," for x, y in zip(xs, ys, strict=True)))
        if title not in axes:
            axes[title] = figure.add_subplot(2, 2, len(axes) + 1)
        (plot := axes[title]).plot(xs, ys, label=name)
        plot.set(ylabel=title, xlabel="seconds" if "auto" in title else "calls / capacity")
        plot.legend()
    axes["attempts a call"].set_yscale("log")
    figure.savefig(picture)


if __name__ == "__main__":
    main()
