"""The contenders, a server or benchmark_app: started, checked, measured in alternation."""

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

import grpc
import psutil

from benchmarks.comparison.protocols import Boxes, Protocol
from benchmarks.comparison.results import Cell, CellResults, MeasureError, Result, event_rate
from benchmarks.comparison.servers import LIMIT, OURS, PROGRAMS, Model
from benchmarks.harness.images import Box, iou
from benchmarks.harness.program import Program, free_port, started
from benchmarks.harness.rounds import alternate
from benchmarks.harness.settings import progress
from benchmarks.harness.usage import Usage
from facewire_client import FaceClient
from facewire_client.bench.limit import Baseline, BenchmarkAppError, benchmark_app
from facewire_client.bench.load import ClosedLoop
from facewire_client.bench.percentiles import spread
from facewire_client.bench.run import run
from facewire_client.bench.settings import Photo, Settings
from facewire_client.connection import Connection
from facewire_client.errors import FaceClientError
from facewire_client.result import ModelInfo

Photos = Mapping[str, Mapping[str, bytes]]  # by size and name, JPEG files
Plan = Sequence[tuple[Cell, Sequence[str]]]
"""Cells of one model, and the names of those that take part in each."""
MIN_IOU = 0.9  # of two boxes that are taken for the same
_START_SECONDS, _TIMEOUT = 180.0, 120.0
"""That a server may take until it answers, and for an answer."""
_MAX_MB = 64


class Server:
    """A server in processes of its own; they are stopped while it is not measured."""

    def __init__(self, program: Program, target: str, protocol: Protocol) -> None:
        self.program = program
        self.target = target
        self._protocol = protocol
        self._connection = Connection(target, timeout=_TIMEOUT, max_message_mb=_MAX_MB)

    def boxes(self, photos: Mapping[str, bytes]) -> list[Boxes]:
        """The boxes in each photo, while it runs. Raises grpc.RpcError."""
        method = self._protocol.method
        with grpc.insecure_channel(self.target, self._connection.options()) as channel:
            call: grpc.UnaryUnaryMultiCallable[bytes, Boxes]
            call = channel.unary_unary(method.path, response_deserializer=self._protocol.boxes)
            return [
                call(method.request(content, "").SerializeToString(), timeout=_TIMEOUT)
                for content in photos.values()
            ]

    def measure(self, cell: Cell, photos: Mapping[str, bytes], settings: Settings) -> Result:
        """Measure a closed loop. Raises MeasureError."""
        used, method = Usage(self.program.pid), self._protocol.method
        files = [Photo(name, content) for name, content in photos.items()]
        self.program.resume()
        try:
            record = run(
                self._connection, settings, files, lambda _: None, method=method, meters=[used]
            ).record
            self.program.check()
        except (FaceClientError, psutil.Error, OSError, RuntimeError) as error:
            raise MeasureError(str(error)) from None
        finally:
            self.program.pause()
        if record.period.interrupted:
            raise KeyboardInterrupt
        if record.failures:
            kind, count = record.failures.most_common(1)[0]
            raise MeasureError(f"{count} requests failed: {kind[0]}, {record.messages[kind]}")
        rate, times = event_rate(record.answered_at), spread(record.latencies)
        assert times is not None
        cpu_ms = used.cpu_seconds / record.period.seconds / rate * 1e3
        return Result(rate, times.p50, cpu_ms, used.peak_mb)


class BenchmarkApp:
    """benchmark_app with the model of a server; its CPU counts from the first inference on."""

    def __init__(self, served: ModelInfo) -> None:
        self._served = served

    def measure(self, cell: Cell, photos: Mapping[str, bytes], settings: Settings) -> Result:
        """Its inferences in the place of requests; it warms up by one. Raises MeasureError."""
        used: list[Usage] = []

        def listen(process: int, line: str) -> None:
            if "First inference took" in line:
                used.append(Usage(process))
                used[0].start()
            elif line.startswith("[Step 11/11]") and used:
                used[0].stop()

        try:
            baseline = Baseline.find(str(cell.model.path), self._served, settings)
            found = benchmark_app(baseline.arguments, listen)
        except BenchmarkAppError as error:
            raise MeasureError(f"benchmark_app failed: {error}") from None
        if not used or not used[0].cpu_seconds:
            raise MeasureError("benchmark_app did not print the lines to measure between")
        cpu_ms = used[0].cpu_seconds / found.inferences * 1e3
        return Result(found.throughput, found.median_ms, cpu_ms, used[0].peak_mb)


Contender = Server | BenchmarkApp


def compare(plan: Plan, photos: Photos, seconds: float, rounds: int) -> list[CellResults]:
    """Measure all cells of a plan, in rounds; every other one goes backwards."""
    names = dict.fromkeys(name for _, names in plan for name in names)
    with lineup(plan[0][0].model, list(names), photos) as contenders:
        results = alternate(
            rounds,
            {
                (cell, name): partial(
                    _measured, contenders.get(name), name, cell, photos[cell.size], seconds
                )
                for cell, names in plan
                for name in names
            },
        )
    return [
        CellResults(cell, {name: results[cell, name] for name in names}) for cell, names in plan
    ]


def _measured(
    contender: Contender | None, name: str, cell: Cell, photos: Mapping[str, bytes], seconds: float
) -> Result | None:
    if contender is None:
        return None
    try:
        settings = Settings(load=ClosedLoop(cell.concurrency), duration=seconds, warmup=1)
        result = contender.measure(cell, photos, settings)
    except MeasureError as error:
        progress(f"{cell}: {name:20} FAILED: {error}")
        return None
    progress(f"{cell}: {name:20} {result.rate:8.1f}/s  p50 {result.p50_ms:8.1f} ms")
    return result


@contextmanager
def lineup(model: Model, names: Sequence[str], photos: Photos) -> Iterator[dict[str, Contender]]:
    """Those of these names that start and find the boxes that ours finds, all paused.

    Ours tells the others its model and thresholds. Raises RuntimeError when it does not start.
    """
    with ExitStack() as stack:
        ours = stack.enter_context(serving(OURS, model, photos))
        with FaceClient(ours.target) as client:
            served = client.model()
        expected = {size: ours.boxes(each) for size, each in photos.items()}
        ours.program.pause()
        job = [
            *("--model", str(model.path), "--head", model.head),
            *("--min-confidence", str(served.min_confidence)),
            *("--iou-threshold", str(served.iou_threshold)),
        ]
        found: dict[str, Contender] = {OURS: ours, LIMIT: BenchmarkApp(served)}
        for name in names:
            if name in found:
                continue
            progress(f"starting {name}")
            try:
                server = stack.enter_context(serving(name, model, photos, job))
                for size, each in photos.items():
                    for known, theirs in zip(expected[size], server.boxes(each), strict=True):
                        check_same(known, theirs)
                server.program.pause()
                found[name] = server
            except (subprocess.CalledProcessError, RuntimeError) as error:
                progress(f"LEFT OUT: {name}: {error}")
        yield found


def check_same(ours: Sequence[Box], theirs: Sequence[Box]) -> None:
    """Raise RuntimeError unless there are as many, and each box has one like it."""
    if len(ours) != len(theirs):
        raise RuntimeError(f"{len(theirs)} boxes instead of {len(ours)}")
    for box in ours:
        if (closest := max(iou(box, other) for other in theirs)) < MIN_IOU:
            raise RuntimeError(f"IoU {closest:.2f} of {box} and the closest box")


@contextmanager
def serving(name: str, model: Model, photos: Photos, job: Sequence[str] = ()) -> Iterator[Server]:
    """A server that answers. Raises RuntimeError when it does not."""
    port, program = free_port(), PROGRAMS[name]
    command = program.command(port, model.path, job)
    with started(command, [] if program.rival else list(filter(None, sys.path))) as running:
        server = Server(running, f"127.0.0.1:{port}", program.protocol)
        file, content = next(iter(next(iter(photos.values())).items()))
        until = time.monotonic() + _START_SECONDS
        while True:
            running.check()
            try:
                server.boxes({file: content})
                break
            except grpc.RpcError as error:
                if time.monotonic() > until:
                    output = running.last_output()
                    raise RuntimeError(f"no answer ({error}): {output}") from None
            time.sleep(0.25)
        yield server
