"""Offer servers twice what they can do, without a deadline and with one.

What a server can do is measured right before and right after each time by a closed loop;
every ratio is to the mean of these two. See docs/comparison.md.
"""

import math
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import click

from benchmarks.comparison.contenders import Server, job_options, serving
from benchmarks.comparison.results import MeasureError
from benchmarks.comparison.servers import MODELS, OURS, RIVALS
from benchmarks.harness import usage
from benchmarks.harness.images import describe, photos
from benchmarks.harness.program import free_port
from benchmarks.harness.rounds import number, table
from benchmarks.harness.server import scrape, total
from benchmarks.harness.settings import print_settings, progress, seconds_option
from benchmarks.rivals import venvs
from facewire_client.bench.load import ClosedLoop, OpenLoop
from facewire_client.bench.percentiles import spread
from facewire_client.bench.recorder import Recorder
from facewire_client.bench.settings import Settings

MODEL, SIZE = "yunet-640", "small"
TIMES = 2.0
"""How many times what it can do is asked for."""
CONCURRENCY = 16
"""At capacity."""
DEADLINES = (None, 0.2)

_OUTSTANDING = 20_000
_CONNECTIONS = 4
_IDLE_CORES = 0.05  # a server that uses less has worked off what it had
_SETTLE_SECONDS = 120.0
_COLUMNS = (
    *("", "deadline", "can do/s", "offered/s", "in time/s", "x can do", "p50 ms", "p99 ms"),
    *("p99 x", "MB after", "kept MB", "inferences in time", "client cores"),
)


class Overload(NamedTuple):
    """A running server, the photos, and for how long it is loaded.

    `inferences` tells how many it has begun so far; None: it does not count.
    """

    server: Server
    files: Mapping[str, bytes]
    seconds: float
    capacity_seconds: float
    inferences: Callable[[], float] | None

    def row(self, deadline: float | None) -> list[str]:
        """Ask for too much; the cells of the table. Raises MeasureError.

        "kept MB" is memory that is not given back; "inferences in time" are, of those
        that were run, those whose answers came in time.
        """
        pid = self.server.program.pid
        before, memory = self._capacity(), usage.resident_mb(pid)
        begun = self.inferences() if self.inferences else 0.0
        rate = TIMES * before[0]
        load = OpenLoop(rate, seed=1, outstanding=_OUTSTANDING)
        record, cores = self._run(load, self.seconds, deadline=deadline)
        run = self.inferences() - begun if self.inferences else None
        _settle(pid)
        memory_after = usage.resident_mb(pid)
        capacity, p50_at_capacity = (
            (one + other) / 2 for one, other in zip(before, self._capacity(), strict=True)
        )
        times = spread(record.latencies)
        p50, p99 = (times.p50, times.p99) if times else (math.nan, math.nan)
        good = sum(deadline is None or each <= deadline for each in record.latencies)
        goodput = record.good_in_period / self.seconds
        return [
            "none" if deadline is None else f"{deadline * 1000:.0f} ms",
            *(f"{capacity:.1f}", f"{rate:.1f}", f"{goodput:.1f}", f"{goodput / capacity:.3f}"),
            *(f"{each:.2f}" for each in (p50, p99, p99 / p50_at_capacity)),
            *(f"{memory_after:.0f}", f"{memory_after - memory:+.0f}"),
            *(number(good / run if run else None, 3), f"{cores:.2f}"),
        ]

    def _capacity(self) -> tuple[float, float]:
        """Answers a second, and their median latency in ms."""
        record, _ = self._run(ClosedLoop(CONCURRENCY), self.capacity_seconds, warmup=2)
        times = spread(record.latencies)
        if times is None or record.failures:
            raise MeasureError("a closed loop was not answered")
        return record.answered_in_period / self.capacity_seconds, times.p50

    def _run(
        self,
        load: ClosedLoop | OpenLoop,
        seconds: float,
        *,
        warmup: float = 0,
        deadline: float | None = None,
    ) -> tuple[Recorder, float]:
        """The record, and how many cores the client used."""
        settings = Settings(
            load=load, duration=seconds, warmup=warmup, deadline=deadline, connections=_CONNECTIONS
        )
        found, _ = self.server.load(settings, self.files)
        return found.record, found.cpu_seconds / seconds


def _settle(pid: int) -> None:
    """Return when the server has nothing left to do. Raises MeasureError."""
    until = time.monotonic() + _SETTLE_SECONDS
    while time.monotonic() < until:
        used = usage.cpu_seconds(pid)
        time.sleep(1)
        if usage.cpu_seconds(pid) - used < _IDLE_CORES:
            return
    raise MeasureError(f"still busy {_SETTLE_SECONDS:.0f} s after the load has ended")


def _inferences(port: int) -> float:
    return total(scrape(port), "facewire_inferences_total")


@click.command(help=__doc__)
@venvs.rivals_option(RIVALS)
@seconds_option(60, "Of too much.")
@click.option("--capacity-seconds", type=float, default=10, show_default=True)
def main(rivals: tuple[str, ...], seconds: float, capacity_seconds: float) -> None:
    files, model, port = photos(SIZE), MODELS[MODEL](), free_port()
    print_settings(model=MODEL, seconds=seconds, capacity_seconds=capacity_seconds)
    print(describe(SIZE, files), f"{TIMES:g} x what a server can do, Poisson arrivals", sep="\n")
    print(venvs.versions(rivals), flush=True)
    job: list[str] = []
    rows = []
    for each in (OURS, *rivals):
        progress(f"starting {each}")
        options = ("--metrics-port", str(port)) if each == OURS else ()
        with serving(each, model, {SIZE: files}, job, *options) as server:
            count = None
            if each == OURS:
                job = job_options(model, server.model())
                count = partial(_inferences, port)
            overload = Overload(server, files, seconds, capacity_seconds, count)
            for deadline in DEADLINES:
                try:
                    rows.append([each, *overload.row(deadline)])
                except MeasureError as error:
                    progress(f"  {each}, deadline {deadline} FAILED: {error}")
    print(f"\n{table(_COLUMNS, rows)}")


if __name__ == "__main__":
    main()
