"""What a server holds on to, again and again, and whether that stays the same."""

import asyncio
import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields

from benchmarks import proc
from benchmarks.soak.server import Server

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


@dataclass(frozen=True, slots=True)
class Vitals:
    """One look: of all processes of a server, and of its own metrics."""

    seconds: float
    memory_mb: float
    threads: float
    fds: float
    inflight: float
    queued: float


def look(server: Server, began: float) -> Vitals:
    """How it is now. Raises OSError when the server is not there."""
    pids = server.processes()
    metrics = server.metrics()
    return Vitals(
        seconds=time.monotonic() - began,
        memory_mb=sum(proc.status(pid, "VmRSS") for pid in pids) / 1024,
        threads=sum(proc.status(pid, "Threads") for pid in pids),
        fds=sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids),
        inflight=metrics["facewire_inflight_requests"],
        queued=metrics["facewire_queue_depth"],
    )


async def watch(server: Server, began: float, samples: list[Vitals]) -> None:
    """Looks about once a second, until it is cancelled."""
    while True:
        samples.append(await asyncio.to_thread(look, server, began))
        await asyncio.sleep(1)


async def calm(
    server: Server, began: float, reached: Callable[[Vitals], bool], *, patience: float
) -> Vitals:
    """How it is with no traffic, as soon as that is as wanted, or patience ends."""
    await asyncio.sleep(SETTLE)
    end = time.monotonic() + patience
    while True:
        found = await asyncio.to_thread(look, server, began)
        if reached(found) or time.monotonic() > end:
            return found
        await asyncio.sleep(1)


def at_rest(found: Vitals) -> bool:
    """Whether nothing is under way."""
    return found.inflight == found.queued == 0


def windows(samples: Sequence[Vitals]) -> tuple[Vitals, Vitals]:
    """The medians of the first and of the last window."""
    size = max(1, int(len(samples) * WINDOW))
    return medians(samples[:size]), medians(samples[-size:])


def medians(samples: Sequence[Vitals]) -> Vitals:
    """Each number's median."""
    return Vitals(
        **{
            each.name: statistics.median(getattr(sample, each.name) for sample in samples)
            for each in fields(Vitals)
        }
    )


def growth(first: Vitals, last: Vitals) -> Iterator[str]:
    """What has grown too much during the traffic, in words."""
    for name, most in (
        ("memory_mb", BUSY_MEMORY_MB),
        ("threads", BUSY_THREADS),
        ("fds", BUSY_FDS),
    ):
        before, after = getattr(first, name), getattr(last, name)
        if after > before + most:
            yield f"{name} grew from {before:g} to {after:g}, by more than {most:g}"


def kept(start: Vitals, after: Vitals) -> Iterator[str]:
    """What a server keeps of all that it was sent, in words."""
    if after.memory_mb > start.memory_mb + KEPT_MEMORY_MB:
        yield (
            f"memory_mb before all traffic: {start.memory_mb:g}, and"
            f" {after.memory_mb:g} when it was over"
        )


def remains(before: Vitals, after: Vitals) -> Iterator[str]:
    """What is left of the traffic when it is over, in words."""
    allowed = {"memory_mb": REST_MEMORY_MB, "threads": REST_THREADS}
    for name in ("memory_mb", "threads", "fds", "inflight", "queued"):
        then, now = getattr(before, name), getattr(after, name)
        if now > then + allowed.get(name, 0):
            yield f"{name} without traffic: {then:g} before it, {now:g} after it"
    if not at_rest(after):
        yield f"{after.inflight:g} in flight and {after.queued:g} queued at rest"
