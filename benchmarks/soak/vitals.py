"""What a server holds: memory, threads, descriptors, requests; and whether that grows."""

import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass

from benchmarks.harness import rounds, usage
from benchmarks.harness.server import Server

BUSY = {"memory_mb": 150.0, "threads": 3.0, "fds": 6.0}
"""How much more the last window of the traffic may have than the first: large messages
come and go, in as many copies as there are libraries that they pass."""
REST = {"memory_mb": 30.0, "threads": 2.0, "fds": 0.0, "inflight": 0.0, "queued": 0.0}
"""How much more there may be with no traffic: gRPC's own pool of threads breathes."""
KEPT = {"memory_mb": 200.0}
"""How much more than before all traffic: what a reload and each thread keep ready."""
SETTLE_SECONDS, LONGEST_SECONDS = 12.0, 60.0
"""In which what was held is given back: at least, and then at most."""
WINDOW = 0.2  # the part of the samples that is a window


@dataclass(frozen=True, slots=True)
class Vitals:
    """One look: at all processes of a server, and at its own metrics."""

    memory_mb: float
    threads: float
    fds: float
    inflight: float
    queued: float

    def at_rest(self) -> bool:
        """Whether no request is under way."""
        return self.inflight == self.queued == 0


def look(server: Server) -> Vitals:
    """What it holds now. Raises OSError and psutil.NoSuchProcess when it is not there."""
    metrics = server.metrics()
    return Vitals(
        memory_mb=usage.resident_mb(server.pid),
        threads=usage.threads(server.pid),
        fds=usage.file_descriptors(server.pid),
        inflight=metrics["facewire_inflight_requests"],
        queued=metrics["facewire_queue_depth"],
    )


def watch(server: Server, samples: list[Vitals], seconds: float) -> None:
    """Look about once a second for so long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        samples.append(look(server))
        time.sleep(1)


def settled(server: Server, reached: Callable[[Vitals], bool]) -> Vitals:
    """What it holds without traffic, as soon as that is as wanted, or it has had its time."""
    time.sleep(SETTLE_SECONDS)
    end = time.monotonic() + LONGEST_SECONDS
    while True:
        found = look(server)
        if reached(found) or time.monotonic() > end:
            return found
        time.sleep(1)


def windows(samples: Sequence[Vitals]) -> tuple[Vitals, Vitals]:
    """The medians of the first and of the last window."""
    size = max(1, int(len(samples) * WINDOW))
    first, last = (
        Vitals(*map(statistics.median, zip(*map(astuple, part), strict=True)))
        for part in (samples[:size], samples[-size:])
    )
    return first, last


def growth(before: Vitals, after: Vitals, allowed: Mapping[str, float], when: str) -> Iterator[str]:
    """Lines about what has grown by more than it may."""
    for name, most in allowed.items():
        then, now = getattr(before, name), getattr(after, name)
        if now > then + most:
            yield f"{name} {when} grew from {then:g} to {now:g}, by more than {most:g}"


def remains(before: Vitals, after: Vitals) -> Iterator[str]:
    """Lines about what is left of the traffic when it is over."""
    yield from growth(before, after, REST, "without traffic")
    if not after.at_rest():
        yield f"{after.inflight:g} in flight and {after.queued:g} queued at rest"


def table(named: Iterable[tuple[str, Vitals]]) -> str:
    """A table with a row for each."""
    header = ("", "memory MB", "threads", "fds", "in flight", "queued")
    return rounds.table(
        header, [(name, *(f"{value:.6g}" for value in astuple(each))) for name, each in named]
    )
