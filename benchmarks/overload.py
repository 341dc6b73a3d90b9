"""Offer the server twice what it can do, without a deadline and with one.

Ratios are to what it can do in a closed loop right before and right after each time.
"""

import math
import tempfile
from dataclasses import replace
from pathlib import Path

from benchmarks.harness import usage
from benchmarks.harness.images import YUNET, photos
from benchmarks.harness.rounds import table
from benchmarks.harness.server import Server, total
from benchmarks.soak.vitals import Vitals, settled
from facewire_client.bench.load import ClosedLoop, OpenLoop
from facewire_client.bench.percentiles import spread
from facewire_client.bench.recorder import Recorder
from facewire_client.bench.run import run
from facewire_client.bench.settings import Photo, Settings
from facewire_client.connection import Connection

MODEL = YUNET / "yunet_n_640_640.onnx"
TIMES = 2.0  # how many times what it can do is asked for
CONCURRENCY = 16  # at capacity
DEADLINES = (None, 0.2)
_INFERENCES = "facewire_inferences_total"
_COLUMNS = (
    *("deadline", "can do/s", "offered/s", "in time/s", "x can do", "p99 ms"),
    *("x p50 at capacity", "kept MB", "inferences in time"),
)


Overload = tuple[list[str], float, float]
"""The cells of the table, and of these "x can do" and "x p50 at capacity"."""


def overload(server: Server, deadline: float | None, seconds: float, capacity: float) -> Overload:
    """Ask for too much for `seconds`. Raises SystemExit."""
    before, memory = at_capacity(server, capacity), usage.resident_mb(server.pid)
    begun = total(server.metrics(), _INFERENCES)
    rate = TIMES * before[0]
    load = OpenLoop(rate, seed=1, outstanding=20_000)
    record = send(server, Settings(load=load, duration=seconds, warmup=0, deadline=deadline))
    ran = total(server.metrics(), _INFERENCES) - begun
    kept = settled(server, Vitals.at_rest).memory_mb - memory
    most, p50_at_capacity = (
        (one + other) / 2 for one, other in zip(before, at_capacity(server, capacity), strict=True)
    )
    times = spread(record.latencies)
    p99 = times.p99 if times else math.nan
    good = sum(deadline is None or each <= deadline for each in record.latencies)
    goodput = record.good_in_period / seconds
    row = [
        "none" if deadline is None else f"{deadline * 1000:.0f} ms",
        *(f"{most:.1f}", f"{rate:.1f}", f"{goodput:.1f}", f"{goodput / most:.3f}"),
        *(f"{p99:.0f}", f"{p99 / p50_at_capacity:.1f}", f"{kept:+.0f}"),
        f"{good / ran:.3f}" if ran else "-",
    ]
    return row, goodput / most, p99 / p50_at_capacity


def at_capacity(server: Server, seconds: float) -> tuple[float, float]:
    """Answers a second, and their median latency in ms. Raises SystemExit."""
    settings = Settings(load=ClosedLoop(CONCURRENCY), duration=seconds, warmup=2)
    record = send(server, settings)
    times = spread(record.latencies)
    if times is None or record.failures:
        raise SystemExit("a closed loop was not answered")
    return record.answered_in_period / seconds, times.p50


def send(server: Server, settings: Settings) -> Recorder:
    """Send a load of the small photos over several connections."""
    files = [Photo(name, content) for name, content in photos("small").items()]
    settings = replace(settings, connections=4)
    return run(Connection(server.target), settings, files, lambda _: None).record


def overloads(seconds: float, capacity_seconds: float = 10) -> list[Overload]:
    """Overload a server without a deadline, and with one; print it. Raises SystemExit."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder, "log"), "--model", str(MODEL))
        try:
            found = [overload(server, each, seconds, capacity_seconds) for each in DEADLINES]
        finally:
            server.stop()
    print(f"\n{table(_COLUMNS, [row for row, *_ in found])}", flush=True)
    return found
