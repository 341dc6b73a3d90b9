"""Offer servers twice what they can do, without a deadline and with one.

What a server can do is measured right before and right after each time by a closed loop;
every ratio is to the mean of these two. See docs/comparison.md.
"""

import math
import re
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import click

from benchmarks.comparison.contenders import Server
from benchmarks.comparison.lineup import job_options, model_info, serving
from benchmarks.comparison.programs import MODELS, OURS, PROGRAMS, facewire
from benchmarks.comparison.results import MeasureError
from benchmarks.harness import usage
from benchmarks.harness.images import SIZES, describe, photos
from benchmarks.harness.program import exit_on_sigterm, free_port
from benchmarks.harness.rounds import number, table
from benchmarks.harness.settings import Choices, Progress, machine, print_lines, seconds_option
from benchmarks.rivals import venvs
from facewire_client.bench.load import ClosedLoop, OpenLoop
from facewire_client.bench.percentiles import spread
from facewire_client.bench.run import Run
from facewire_client.bench.settings import Settings

TIMES = 2.0
"""How many times what it can do is asked for."""

_OUTSTANDING = 20_000
_CONNECTIONS = 4
_IDLE_CORES = 0.05  # a server that uses less has worked off what it had
_SETTLE_SECONDS = 120.0
_COLUMNS = (
    *("", "deadline", "can do/s", "offered/s", "in time/s", "x can do", "p50 ms", "p99 ms"),
    *("p99 x", "MB after", "kept MB", "inferences in time", "client cores"),
)
RIVALS = tuple(name for name in PROGRAMS if name != OURS)


@dataclass(frozen=True, slots=True)
class Overload:
    """A running server, the photos, and for how long it is loaded.

    `inferences` tells how many it has begun so far; None: it does not count.
    """

    server: Server
    files: Mapping[str, bytes]
    seconds: float
    capacity_seconds: float
    concurrency: int
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
        found = self._run(load, self.seconds, deadline=deadline)
        record = found.record
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
            number(good / run if run else None, 3),
            f"{found.cpu_seconds / self.seconds:.2f}",
        ]

    def _capacity(self) -> tuple[float, float]:
        """Answers a second, and their median latency in ms."""
        record = self._run(ClosedLoop(self.concurrency), self.capacity_seconds, warmup=2).record
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
    ) -> Run:
        settings = Settings(
            load=load, duration=seconds, warmup=warmup, deadline=deadline, connections=_CONNECTIONS
        )
        return self.server.load(settings, self.files)[0]


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
    """How many inferences our server has begun."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as page:
        text = page.read().decode()
    return sum(map(float, re.findall(r"^facewire_inferences_total\S* (\S+)$", text, re.MULTILINE)))


@click.command(help=__doc__)
@click.option("--model", "name", type=click.Choice(list(MODELS)), default="yunet-640")
@click.option("--image", type=click.Choice(list(SIZES)), default="small", show_default=True)
@click.option("--rivals", type=Choices(RIVALS), default=RIVALS, is_flag=False, flag_value="")
@seconds_option(60, "Of too much.")
@click.option("--capacity-seconds", type=float, default=10, show_default=True)
@click.option("--concurrency", type=int, default=16, help="At capacity.", show_default=True)
@click.option("--deadline", type=float, default=200, help="Milliseconds.", show_default=True)
def main(
    name: str,
    image: str,
    rivals: tuple[str, ...],
    seconds: float,
    capacity_seconds: float,
    concurrency: int,
    deadline: float,
) -> None:
    exit_on_sigterm()
    files, model, port = photos(image), MODELS[name](), free_port()
    what = {"model": name, "photos": describe(image, files)}
    what["offered"] = f"{TIMES:g} x what the server can do, Poisson arrivals"
    what["seconds"] = f"{seconds:g}, at capacity {capacity_seconds:g}, {concurrency} at a time"
    print_lines({**machine(), **venvs.versions(rivals), **what})
    progress = Progress()
    job: Sequence[str] = ()
    rows = []
    for each in (OURS, *rivals):
        progress(f"starting {each}")
        ours = each == OURS
        program = facewire("--metrics-port", str(port)) if ours else PROGRAMS[each]()
        with serving(program, model, {image: files}, job) as server:
            if ours:
                job = job_options(model, model_info(server))
            count = (lambda: _inferences(port)) if ours else None
            overload = Overload(server, files, seconds, capacity_seconds, concurrency, count)
            for limit in (None, deadline / 1000):
                try:
                    rows.append([each, *overload.row(limit)])
                except MeasureError as error:
                    progress(f"  {each}, deadline {limit} FAILED: {error}")
    print(f"\n{table(_COLUMNS, rows)}")


if __name__ == "__main__":
    main()
