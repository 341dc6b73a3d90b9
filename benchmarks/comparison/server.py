"""A server that is measured: ours or a rival's, in processes of its own.

While it is not measured all its processes are stopped, and use no CPU.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import grpc

from benchmarks.comparison.dialect import Dialect, ScoredBox
from benchmarks.comparison.pace import pace
from benchmarks.comparison.process_group import ProcessGroup
from benchmarks.comparison.result import Cell, MeasureError, Result
from benchmarks.comparison.usage import Usage
from facewire_client.bench.load import ClosedLoop
from facewire_client.bench.percentiles import spread
from facewire_client.bench.run import Run, run
from facewire_client.bench.settings import Photo, Settings
from facewire_client.connection import Connection
from facewire_client.errors import FaceClientError

_START = 180.0
"""Seconds that a server may take until it answers."""
_PAUSE = 0.25
_TIMEOUT = 120.0
_MAX_MB = 64


class Server:
    """A program that answers photos; `photos` are those of each size."""

    def __init__(
        self,
        name: str,
        group: ProcessGroup,
        target: str,
        dialect: Dialect,
        photos: dict[str, list[Photo]],
    ) -> None:
        self.name = name
        self.group = group
        self.target = target
        self._photos = photos
        self._dialect = dialect
        self._connection = Connection(target, timeout=_TIMEOUT, max_message_mb=_MAX_MB)

    def wait_until_it_answers(self, photo: Photo) -> None:
        """Raises RuntimeError when it ends, or does not answer this photo in time."""
        until = time.monotonic() + _START
        while True:
            self.group.check()
            try:
                self.boxes([photo])
                return
            except grpc.RpcError as error:
                if time.monotonic() > until:
                    words = self.group.last_words()
                    raise RuntimeError(f"no answer ({error}): {words}") from None
            time.sleep(_PAUSE)

    def boxes(self, photos: Sequence[Photo]) -> list[list[ScoredBox]]:
        """What it finds in each photo, while it runs. Raises grpc.RpcError."""
        method = self._dialect.method
        found = []
        options = self._connection.options()
        with grpc.insecure_channel(self._connection.target, options) as channel:
            ask: grpc.UnaryUnaryMultiCallable[bytes, list[ScoredBox]]
            ask = channel.unary_unary(method.path, response_deserializer=self._dialect.boxes)
            for photo in photos:
                request = method.request(photo.content, "").SerializeToString()
                found.append(ask(request, timeout=_TIMEOUT))
        return found

    @contextmanager
    def running(self) -> Iterator[None]:
        """Lets it go on until the end of the block."""
        self.group.resume()
        try:
            yield
        finally:
            self.group.pause()

    def measure(self, cell: Cell, seconds: float, warmup: float) -> Result:
        """A closed loop of the cell's concurrency. Raises MeasureError."""
        settings = Settings(load=ClosedLoop(cell.concurrency), duration=seconds, warmup=warmup)
        with self.running():
            found, usage = self.load(settings, self._photos[cell.picture])
        record = found.record
        if record.failures:
            kind, count = record.failures.most_common(1)[0]
            said = record.messages[kind]
            raise MeasureError(f"{count} requests failed: {kind[0]}, {said}")
        times = spread(record.latencies)
        try:
            rate = pace(record.answered_at)
        except ValueError as error:
            raise MeasureError(f"{error}; measure for longer") from None
        assert times is not None
        return Result(
            rate=rate,
            p50_ms=times.p50,
            p95_ms=times.p95,
            p99_ms=times.p99,
            cpu_ms=usage.cpu_seconds / record.period.seconds / rate * 1e3,
            memory_mb=usage.peak_mb,
        )

    def load(self, settings: Settings, photos: Sequence[Photo]) -> tuple[Run, Usage]:
        """Sends a load to it while it runs; and what it spent on that.

        Raises MeasureError when it has ended.
        """
        usage = Usage(self.group.members)
        try:
            found = run(
                self._connection,
                settings,
                photos,
                lambda _: None,
                method=self._dialect.method,
                meters=[usage],
            )
            self.group.check()
        except (FaceClientError, OSError, RuntimeError) as error:
            raise MeasureError(str(error)) from None
        if found.record.period.interrupted:
            raise KeyboardInterrupt
        return found, usage
