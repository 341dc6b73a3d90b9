"""What a server holds: memory, threads, descriptors, requests; and whether that grows."""

import asyncio
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields

from benchmarks.harness import rounds, usage
from benchmarks.harness.server import Server

BUSY_MEMORY_MB = 150.0
"""How much more memory the last window of the traffic may have than the first: large
messages come and go, in as many copies as there are libraries that they pass."""

BUSY_FDS, BUSY_THREADS = 6.0, 3.0
"""And how many more file descriptors and threads, since connections come and go. With
no traffic there is to be no descriptor more than there was."""

REST_MEMORY_MB = 30.0
"""How much more memory there may be with no traffic, when what is free was given back."""

REST_THREADS = 2.0
"""How many more threads there may be with no traffic: gRPC's own pool breathes."""

KEPT_MEMORY_MB = 200.0
"""How much more it may be than before all traffic, for all that was made ready since: the
network once more after a reload, and what each thread keeps for the next image."""

SETTLE = 12.0
"""Seconds in which connections that were closed are given back, and memory that is free."""

WINDOW = 0.2
"""The part of the samples that is a window."""

COURSE_ROWS = 10


@dataclass(frozen=True, slots=True)
class Vitals:
    """One look: at all processes of a server, and at its own metrics. MB are MiB."""

    seconds: float
    memory_mb: float
    threads: float
    fds: float
    inflight: float
    queued: float


def look(server: Server, began: float) -> Vitals:
    """What it holds now. Raises OSError and psutil.NoSuchProcess when it is not there."""
    metrics = server.metrics()
    return Vitals(
        seconds=time.monotonic() - began,
        memory_mb=usage.resident_bytes(server.pid) / (1 << 20),
        threads=usage.threads(server.pid),
        fds=usage.file_descriptors(server.pid),
        inflight=metrics["facewire_inflight_requests"],
        queued=metrics["facewire_queue_depth"],
    )


async def watch(server: Server, began: float, samples: list[Vitals]) -> None:
    """Look about once a second, until it is cancelled."""
    while True:
        samples.append(await asyncio.to_thread(look, server, began))
        await asyncio.sleep(1)


async def settled(
    server: Server, began: float, reached: Callable[[Vitals], bool], *, limit: float
) -> Vitals:
    """What it holds without traffic, as soon as that is as wanted, or the limit is over."""
    await asyncio.sleep(SETTLE)
    end = time.monotonic() + limit
    while True:
        found = await asyncio.to_thread(look, server, began)
        if reached(found) or time.monotonic() > end:
            return found
        await asyncio.sleep(1)


def at_rest(found: Vitals) -> bool:
    """Whether no request is under way."""
    return found.inflight == found.queued == 0


def windows(samples: Sequence[Vitals]) -> tuple[Vitals, Vitals]:
    """The medians of the first and of the last window."""
    size = max(1, int(len(samples) * WINDOW))
    return _medians(samples[:size]), _medians(samples[-size:])


def growth(first: Vitals, last: Vitals) -> Iterator[str]:
    """Lines about what has grown too much during the traffic."""
    for name, most in (("memory_mb", BUSY_MEMORY_MB), ("threads", BUSY_THREADS), ("fds", BUSY_FDS)):
        before, after = getattr(first, name), getattr(last, name)
        if after > before + most:
            yield f"{name} grew from {before:g} to {after:g}, by more than {most:g}"


def kept(start: Vitals, after: Vitals) -> Iterator[str]:
    """A line when a server keeps too much of all that it was sent."""
    if after.memory_mb > start.memory_mb + KEPT_MEMORY_MB:
        yield (
            f"memory_mb before all traffic: {start.memory_mb:g}, and"
            f" {after.memory_mb:g} when it was over"
        )


def remains(before: Vitals, after: Vitals) -> Iterator[str]:
    """Lines about what is left of the traffic when it is over."""
    allowed = {"memory_mb": REST_MEMORY_MB, "threads": REST_THREADS}
    for name in ("memory_mb", "threads", "fds", "inflight", "queued"):
        then, now = getattr(before, name), getattr(after, name)
        if now > then + allowed.get(name, 0):
            yield f"{name} without traffic: {then:g} before it, {now:g} after it"
    if not at_rest(after):
        yield f"{after.inflight:g} in flight and {after.queued:g} queued at rest"


def course(samples: Sequence[Vitals]) -> str:
    """A table of some of the samples, evenly spread, by the minute."""
    some = samples[:: max(1, len(samples) // COURSE_ROWS)]
    return table((f"{each.seconds / 60:.1f}", each) for each in some)


def table(named: Iterable[tuple[str, Vitals]]) -> str:
    """A table with a row for each."""
    header = ("minute", "memory MB", "threads", "fds", "in flight", "queued")
    rows = []
    for name, each in named:
        numbers = (each.threads, each.fds, each.inflight, each.queued)
        rows.append((name, f"{each.memory_mb:.1f}", *(f"{number:g}" for number in numbers)))
    return rounds.table(header, rows)


def _medians(samples: Sequence[Vitals]) -> Vitals:
    """The median of each number."""
    return Vitals(
        **{
            each.name: statistics.median(getattr(sample, each.name) for sample in samples)
            for each in fields(Vitals)
        }
    )
