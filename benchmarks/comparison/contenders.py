"""What is measured in a cell: a server, a program without RPC, or benchmark_app."""

import json
import sys
import tempfile
import time
from array import array
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import grpc
import psutil

from benchmarks.comparison.protocols import Boxes
from benchmarks.comparison.protocols import Protocol as RpcProtocol
from benchmarks.comparison.results import Cell, MeasureError, Result, event_rate
from benchmarks.harness import usage
from benchmarks.harness.program import Program, output_of
from benchmarks.harness.settings import cores
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

LIMIT, IN_PROCESS = "benchmark_app", "in process"
_START_SECONDS = 180.0
"""That a server may take until it answers."""
_TIMEOUT = 120.0
_MAX_MB = 64


class Contender(Protocol):
    """What can be measured in a cell."""

    def measure(self, cell: Cell, seconds: float, warmup: float) -> Result:
        """Measure it once. Raises MeasureError."""


class Finder(Protocol):
    """What can be asked for boxes."""

    def boxes(self, photos: Mapping[str, bytes]) -> list[Boxes]:
        """The boxes in each photo. Raises RuntimeError or grpc.RpcError."""


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
        """See `Finder`; while it runs."""
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
        cpu_share = used.cpu_seconds / record.period.seconds
        return _result(record.latencies, record.answered_at, cpu_share, used.peak_mb)

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


class InProcess:
    """The textbook job in a loop without RPC, on as many threads as requests in flight.

    It has no more threads than cores, as nothing else waits for it. OpenVINO's hint is
    latency for one, else throughput.
    """

    def __init__(self, job: Sequence[str], photos: Photos) -> None:
        """`job` are the options of the job, without the hint."""
        self._job = job
        self._photos = photos

    def boxes(self, photos: Mapping[str, bytes]) -> list[Boxes]:
        """See `Finder`."""
        found = self._run(photos, "--hint", "throughput", "--seconds", "0")
        return [[tuple(row[:4]) for row in rows] for rows in found["boxes"]]

    def measure(self, cell: Cell, seconds: float, warmup: float) -> Result:
        """Start it anew."""
        hint = "latency" if cell.concurrency == 1 else "throughput"
        threads = min(cell.concurrency, cores())
        try:
            found = self._run(
                self._photos[cell.size],
                *("--hint", hint, "--threads", str(threads)),
                *("--seconds", str(seconds), "--warmup", str(warmup)),
            )
        except RuntimeError as error:
            raise MeasureError(str(error)) from None
        latencies, cpu_share = array("d", found["latencies"]), found["cpu_seconds"] / seconds
        return _result(latencies, found["ended"], cpu_share, found["peak_kb"] / 1000)

    def _run(self, photos: Mapping[str, bytes], *options: str) -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as folder:
            files = [Path(folder, f"{number}.jpg") for number in range(len(photos))]
            for file, content in zip(files, photos.values(), strict=True):
                file.write_bytes(content)
            command = (sys.executable, "-m", "benchmarks.rivals.in_process", *self._job)
            found: dict[str, Any] = json.loads(output_of([*command, *options, *map(str, files)]))
            return found


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
        return Result(
            rate=found.throughput,
            p50_ms=found.median_ms,
            p95_ms=None,
            p99_ms=None,
            cpu_ms=used[0].cpu_seconds / found.inferences * 1e3,
            memory_mb=used[0].peak_mb,
        )


def _result(
    latencies: Sequence[float], ended: Sequence[float], cpu_share: float, memory_mb: float
) -> Result:
    """`cpu_share`: CPU seconds a second. Raises MeasureError."""
    try:
        rate = event_rate(ended)
    except ValueError as error:
        raise MeasureError(f"{error}; measure for longer") from None
    times = spread(latencies)
    assert times is not None
    return Result(
        rate=rate,
        p50_ms=times.p50,
        p95_ms=times.p95,
        p99_ms=times.p99,
        cpu_ms=cpu_share / rate * 1e3,
        memory_mb=memory_mb,
    )
