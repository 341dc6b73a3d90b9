"""Offer servers twice what they can do, without a deadline and with one.

What it can do is measured right before and right after each
time, on the same server, by a closed loop; every ratio is to the mean of these two. See
docs/comparison.md.
"""

import re
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any

import click

from benchmarks.comparison.contenders import Server
from benchmarks.comparison.lineup import job_options, model_info, serving
from benchmarks.comparison.programs import MODELS, OURS, PROGRAMS, Model, facewire
from benchmarks.comparison.results import MeasureError
from benchmarks.harness import usage
from benchmarks.harness.images import SIZES, describe, photos
from benchmarks.harness.program import exit_on_sigterm, free_port
from benchmarks.harness.rounds import number, table
from benchmarks.harness.settings import (
    Choices,
    Progress,
    machine,
    print_lines,
    seconds_option,
)
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
    *("", "deadline", "can do/s", "offered/s", "in time/s", "x can do", "p50 ms"),
    *("p99 ms", "p99 x", "MB after", "kept MB", "inferences in time", "client cores"),
)
RIVALS = tuple(name for name in PROGRAMS if name != OURS)
Files = Mapping[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Seconds of each part, requests in flight at capacity, the deadline in seconds."""

    seconds: float
    capacity_seconds: float
    concurrency: int
    deadline: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Overload:
    """What came of it. Rates are a second, times in ms, memory in MB.

    `in_time_share`: of the inferences that were run, those whose answers came in time;
    None: the server does not count.
    """

    capacity: float
    p50_at_capacity: float
    offered: float
    goodput: float
    p50_ms: float | None
    p99_ms: float | None
    memory_before: float
    memory_after: float
    in_time_share: float | None
    client_cpu_ms: float
    failures: dict[str, int]

    def row(self, name: str, deadline: float | None) -> Sequence[str]:
        """The row of the table: `kept MB` is what is not given back."""
        p99_ratio = None if self.p99_ms is None else self.p99_ms / self.p50_at_capacity
        return (
            name,
            "none" if deadline is None else f"{deadline * 1000:.0f} ms",
            f"{self.capacity:.1f}",
            f"{self.offered:.1f}",
            f"{self.goodput:.1f}",
            f"{self.goodput / self.capacity:.3f}",
            number(self.p50_ms, 1),
            number(self.p99_ms, 1),
            number(p99_ratio, 2),
            f"{self.memory_after:.0f}",
            f"{self.memory_after - self.memory_before:+.0f}",
            number(self.in_time_share, 3),
            f"{self.client_cpu_ms / 1000:.2f}",
        )


def overload(
    server: Server,
    files: Files,
    plan: Plan,
    deadline: float | None,
    inferences: Callable[[], float] | None,
) -> Overload:
    """Ask a running server for too much. `inferences`: those it has begun so far.

    Raises MeasureError.
    """
    pid = server.program.pid
    before = _capacity(server, files, plan)
    memory_before = usage.resident_mb(pid)
    begun = inferences() if inferences else 0.0
    rate = TIMES * before[0]
    load = OpenLoop(rate, seed=1, outstanding=_OUTSTANDING)
    found = _run(server, files, load, plan.seconds, deadline=deadline)
    record = found.record
    run = inferences() - begun if inferences else None
    _settle(pid)
    memory_after = usage.resident_mb(pid)
    after = _capacity(server, files, plan)
    times = spread(record.latencies)
    good = sum(deadline is None or each <= deadline for each in record.latencies)
    return Overload(
        capacity=(before[0] + after[0]) / 2,
        p50_at_capacity=(before[1] + after[1]) / 2,
        offered=rate,
        goodput=record.good_in_period / plan.seconds,
        p50_ms=times.p50 if times else None,
        p99_ms=times.p99 if times else None,
        memory_before=memory_before,
        memory_after=memory_after,
        in_time_share=good / run if run else None,
        client_cpu_ms=found.cpu_seconds / plan.seconds * 1000,
        failures={
            ", ".join(filter(None, kind)): count for kind, count in record.failures.most_common()
        },
    )


def _capacity(server: Server, files: Files, plan: Plan) -> tuple[float, float]:
    """Answers a second, and their median latency in ms."""
    load = ClosedLoop(plan.concurrency)
    record = _run(server, files, load, plan.capacity_seconds, warmup=2).record
    times = spread(record.latencies)
    if times is None or record.failures:
        raise MeasureError("a closed loop was not answered")
    return record.answered_in_period / plan.capacity_seconds, times.p50


def _run(
    server: Server,
    files: Files,
    load: ClosedLoop | OpenLoop,
    seconds: float,
    *,
    warmup: float = 0,
    deadline: float | None = None,
) -> Run:
    settings = Settings(
        load=load, duration=seconds, warmup=warmup, deadline=deadline, connections=_CONNECTIONS
    )
    return server.load(settings, files)[0]


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


def measured(
    model: Model, size: str, files: Files, names: Sequence[str], plan: Plan
) -> dict[tuple[str, float | None], Overload]:
    """Results by server and deadline. What cannot be measured is told and left out."""
    progress = Progress()
    found: dict[tuple[str, float | None], Overload] = {}
    job: Sequence[str] = ()
    port = free_port()
    for name in names:
        progress(f"starting {name}")
        ours = name == OURS
        with ExitStack() as stack:
            program = facewire("--metrics-port", str(port)) if ours else PROGRAMS[name]()
            server = stack.enter_context(serving(program, model, {size: files}, job))
            if ours:
                job = job_options(model, model_info(server))
            for deadline in (None, plan.deadline):
                count = (lambda: _inferences(port)) if ours else None
                try:
                    result = overload(server, files, plan, deadline, count)
                except MeasureError as error:
                    progress(f"  {name} FAILED: {error}")
                    continue
                progress(f"  {name}, deadline {deadline}: {result}")
                found[name, deadline] = result
    return found


@click.command(help=__doc__)
@click.option("--model", type=click.Choice(list(MODELS)), default="yunet-640", show_default=True)
@click.option("--image", type=click.Choice(list(SIZES)), default="small", show_default=True)
@click.option("--rivals", type=Choices(RIVALS), default=RIVALS, is_flag=False, flag_value="")
@seconds_option(60, "Of too much.")
@click.option("--capacity-seconds", type=float, default=10, show_default=True)
@click.option("--concurrency", type=int, default=16, help="At capacity.", show_default=True)
@click.option("--deadline", type=float, default=200, help="Milliseconds.", show_default=True)
def main(model: str, image: str, rivals: tuple[str, ...], **options: Any) -> None:
    exit_on_sigterm()
    names = (OURS, *rivals)
    files = photos(image)
    plan = Plan(**options | {"deadline": options["deadline"] / 1000})
    settings = {
        **machine(),
        **venvs.versions(names),
        "model": model,
        "photos": describe(image, files),
        "offered": f"{TIMES:g} x what the server can do, Poisson arrivals",
        **{key: str(value) for key, value in asdict(plan).items()},
    }
    print_lines(settings)
    found = measured(MODELS[model](), image, files, names, plan)
    print(f"\n{table(_COLUMNS, [each.row(*key) for key, each in found.items()])}")


if __name__ == "__main__":
    main()
