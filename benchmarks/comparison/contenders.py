"""What is measured in a cell: a server, or benchmark_app."""

import time
from collections.abc import Mapping
from typing import Protocol

import grpc
import psutil

from benchmarks.comparison.protocols import Boxes
from benchmarks.comparison.protocols import Protocol as RpcProtocol
from benchmarks.comparison.results import Cell, MeasureError, Result, event_rate
from benchmarks.harness import usage
from benchmarks.harness.program import Program
from benchmarks.harness.usage import Usage
from facewire_client.bench.limit import Baseline, BenchmarkAppError, benchmark_app
from facewire_client.bench.load import ClosedLoop
from facewire_client.bench.percentiles import spread
from facewire_client.bench.run import Run, run
from facewire_client.bench.settings import Photo, Settings
from facewire_client.connection import Connection
from facewire_client.errors import FaceClientError
from facewire_client.result import ModelInfo

Photos = Mapping[str, Mapping[str, bytes]]
"""By size and name, JPEG files."""

LIMIT = "benchmark_app"
_START_SECONDS = 180.0
"""That a server may take until it answers."""
_TIMEOUT = 120.0
_MAX_MB = 64


class Contender(Protocol):
    """What can be measured in a cell."""

    def measure(self, cell: Cell, seconds: float, warmup: float) -> Result:
        """Measure it once. Raises MeasureError."""


class Server:
    """A server in processes of its own; they are stopped while it is not measured."""

    def __init__(
        self, program: Program, target: str, protocol: RpcProtocol, photos: Photos
    ) -> None:
        self.program = program
        self.target = target
        self._photos = photos
        self._protocol = protocol
        self._connection = Connection(target, timeout=_TIMEOUT, max_message_mb=_MAX_MB)

    def wait_until_ready(self, photos: Mapping[str, bytes]) -> None:
        """Raise RuntimeError when it ends, or does not answer these photos in time."""
        until = time.monotonic() + _START_SECONDS
        while True:
            self.program.check()
            try:
                self.boxes(photos)
                return
            except grpc.RpcError as error:
                if time.monotonic() > until:
                    output = self.program.last_output()
                    raise RuntimeError(f"no answer ({error}): {output}") from None
            time.sleep(0.25)

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

    def measure(self, cell: Cell, seconds: float, warmup: float) -> Result:
        """A closed loop of the cell's concurrency."""
        settings = Settings(load=ClosedLoop(cell.concurrency), duration=seconds, warmup=warmup)
        self.program.resume()
        try:
            found, used = self.load(settings, self._photos[cell.size])
        finally:
            self.program.pause()
        record = found.record
        if record.failures:
            kind, count = record.failures.most_common(1)[0]
            message = record.messages[kind]
            raise MeasureError(f"{count} requests failed: {kind[0]}, {message}")
        try:
            rate = event_rate(record.answered_at)
        except ValueError as error:
            raise MeasureError(f"{error}; measure for longer") from None
        times = spread(record.latencies)
        assert times is not None
        cpu_ms = used.cpu_seconds / record.period.seconds / rate * 1e3
        return Result(rate, times.p50, times.p95, times.p99, cpu_ms, used.peak_mb)

    def load(self, settings: Settings, photos: Mapping[str, bytes]) -> tuple[Run, Usage]:
        """Send a load to it while it runs; returns also what it used meanwhile.

        Raises MeasureError when it has ended.
        """
        used = Usage(self.program.pid)
        files = [Photo(name, content) for name, content in photos.items()]
        method = self._protocol.method
        try:
            found = run(
                self._connection, settings, files, lambda _: None, method=method, meters=[used]
            )
            self.program.check()
        except (FaceClientError, psutil.Error, OSError, RuntimeError) as error:
            raise MeasureError(str(error)) from None
        if found.record.period.interrupted:
            raise KeyboardInterrupt
        return found, used


class BenchmarkApp:
    """benchmark_app with the model, device and precision of a server: the limit.

    Its hint is latency for one request at a time, else throughput. CPU an inference is
    what the process uses between two lines of its output, the first inference and the
    end of measuring, so that nothing of its start counts.
    """

    def __init__(self, served: ModelInfo) -> None:
        self._served = served

    def measure(self, cell: Cell, seconds: float, warmup: float) -> Result:
        """Its inferences in the place of requests; it warms up by one inference."""
        load = ClosedLoop(cell.concurrency)
        settings = Settings(load=load, duration=seconds, warmup=warmup)
        used: list[Usage] = []

        def listen(process: int, line: str) -> None:
            if "First inference took" in line:
                used.append(usage.Usage(process))
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
        return Result(found.throughput, found.median_ms, None, None, cpu_ms, used[0].peak_mb)
