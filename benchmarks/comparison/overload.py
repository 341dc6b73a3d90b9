"""One server that is asked for twice what it can do: without a deadline, then with one.

Rule: what it can do is measured right before and right after each time, on the same
server, by a closed loop; every ratio is to the mean of these two.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks import proc
from benchmarks.comparison.result import MeasureError
from benchmarks.comparison.server import Server
from benchmarks.comparison.usage import memory_mb
from facewire_client.bench.load import ClosedLoop, OpenLoop
from facewire_client.bench.percentiles import spread
from facewire_client.bench.recorder import Recorder
from facewire_client.bench.run import Run
from facewire_client.bench.settings import Photo, Settings

TIMES = 2.0
"""How many times what it can do is asked for."""

_OUTSTANDING = 20_000
_CONNECTIONS = 4
_IDLE = 0.05
"""A server that uses less of a core than this has worked off what it had."""
_PATIENCE = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Seconds of each part, requests in flight at capacity, the deadline in seconds."""

    seconds: float
    capacity_seconds: float
    concurrency: int
    deadline: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Overload:
    """What came of it.

    Rates are a second, times in ms, memory in MB. `in_time_share`: of the inferences
    that were run, those whose answers came in time; None: the server does not count.
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

    @property
    def goodput_ratio(self) -> float:
        """Answers in time, to what the server can do."""
        return self.goodput / self.capacity

    @property
    def p99_ratio(self) -> float | None:
        """The p99 of the answers, to the median at capacity."""
        return None if self.p99_ms is None else self.p99_ms / self.p50_at_capacity

    @property
    def memory_growth(self) -> float:
        """What is not given back, in MB."""
        return self.memory_after - self.memory_before


def overload(
    server: Server,
    photos: Sequence[Photo],
    plan: Plan,
    deadline: float | None,
    inferences: Callable[[], float] | None,
) -> Overload:
    """Asks a running server for too much. `inferences`: those it has begun so far.

    Raises MeasureError.
    """
    before = _capacity(server, photos, plan)
    memory_before = memory_mb(server.group.members)
    begun = inferences() if inferences else 0.0
    rate = TIMES * before[0]
    load = OpenLoop(rate, seed=1, outstanding=_OUTSTANDING)
    found = _loaded(server, photos, load, plan.seconds, deadline=deadline)
    record = found.record
    run = inferences() - begun if inferences else None
    _settle(server)
    memory_after = memory_mb(server.group.members)
    after = _capacity(server, photos, plan)
    times = spread(record.latencies)
    good = _in_time(record, deadline)
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


def _capacity(server: Server, photos: Sequence[Photo], plan: Plan) -> tuple[float, float]:
    """Answers a second, and their median latency in ms."""
    load = ClosedLoop(plan.concurrency)
    found = _loaded(server, photos, load, plan.capacity_seconds, warmup=2)
    times = spread(found.record.latencies)
    if times is None or found.record.failures:
        raise MeasureError("a closed loop was not answered")
    return found.record.answered_in_period / plan.capacity_seconds, times.p50


def _loaded(
    server: Server,
    photos: Sequence[Photo],
    load: ClosedLoop | OpenLoop,
    seconds: float,
    *,
    warmup: float = 0,
    deadline: float | None = None,
) -> Run:
    """What became of a load."""
    settings = Settings(
        load=load,
        duration=seconds,
        warmup=warmup,
        deadline=deadline,
        connections=_CONNECTIONS,
    )
    found, _ = server.load(settings, photos)
    return found


def _in_time(record: Recorder, deadline: float | None) -> int:
    return sum(deadline is None or each <= deadline for each in record.latencies)


def _settle(server: Server) -> None:
    """Returns when the server has nothing left to do. Raises MeasureError."""
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        used = _cpu(server)
        time.sleep(1)
        if _cpu(server) - used < _IDLE:
            return
    raise MeasureError(f"still busy {_PATIENCE:.0f} s after the load has ended")


def _cpu(server: Server) -> float:
    return sum(map(proc.cpu_seconds, server.group.members))
