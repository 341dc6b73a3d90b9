"""One run: the load sent over a connection, with its period, meters and interruption."""

import asyncio
import gc
import selectors
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic, process_time
from typing import Protocol

from facewire_client.bench.load import Load, MeasurementPeriod
from facewire_client.bench.recorder import Recorder
from facewire_client.bench.sender import DETECT, GrpcSender, Method, open_channels
from facewire_client.bench.settings import Photo, Settings
from facewire_client.connection import Connection

_TICK = 0.25
"""Seconds between two reports of progress."""


class Meter(Protocol):
    """Measures a quantity over the measurement period, from `start` to the first `stop`."""

    def start(self) -> None:
        """Start at the start of the period; not called if the run is interrupted before."""

    def stop(self) -> None:
        """Stop; may be called without `start`, and more than once."""


class CpuMeter:
    """A meter of the CPU seconds of this process, all its threads together."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._started_at: float | None = None

    def start(self) -> None:
        """See `Meter`."""
        self._started_at = process_time()

    def stop(self) -> None:
        """See `Meter`."""
        if self._started_at is not None:
            self.seconds = process_time() - self._started_at
            self._started_at = None


@dataclass(frozen=True, slots=True)
class Run:
    """The measurements of a run: its record, and the client's CPU seconds in the period."""

    started_at: datetime
    record: Recorder
    cpu_seconds: float


def run(
    connection: Connection,
    settings: Settings,
    photos: Sequence[Photo],
    progress: Callable[[float], None],
    *,
    method: Method = DETECT,
    meters: Sequence[Meter] = (),
) -> Run:
    """Send the load and return the record of it; for the main thread only.

    `progress` is called several times a second with the seconds that have passed since its last
    call; they add up to the warm-up and the duration. `meters` start and stop with the
    measurement period. SIGINT ends the run early and cancels the requests in flight. Raises
    FaceClientError when the server cannot be reached at the start, and for a photo over the
    message limit.
    """
    gc.freeze()  # a collection of all modules would stop the loop for tens of milliseconds
    try:
        with asyncio.Runner(loop_factory=_precise_loop) as runner:
            return runner.run(_run(connection, settings, photos, progress, method, meters))
    finally:
        gc.unfreeze()


async def _run(
    connection: Connection,
    settings: Settings,
    photos: Sequence[Photo],
    progress: Callable[[float], None],
    method: Method,
    meters: Sequence[Meter],
) -> Run:
    requests = [
        connection.serialise(method.request(photo.content, settings.model)) for photo in photos
    ]
    async with open_channels(connection, settings.connections) as channels:
        started_at = datetime.now(UTC)
        period = MeasurementPeriod(settings.warmup, settings.duration)
        recorder = Recorder(period, len(photos), settings.deadline)
        deadline = settings.deadline
        sender = GrpcSender(connection, channels, method, requests, deadline, recorder)
        cpu = CpuMeter()
        ticking = asyncio.create_task(_tick(period, progress))
        sending = asyncio.create_task(_send(settings.load, sender, period))
        try:
            await _measure(sending, period, (cpu, *meters))
        finally:
            ticking.cancel()
    return Run(started_at, recorder, cpu.seconds)


async def _measure(
    sending: "asyncio.Task[None]", period: MeasurementPeriod, meters: Sequence[Meter]
) -> None:
    """Wait for the load, with the meters on during the period; SIGINT ends both."""
    loop = asyncio.get_running_loop()
    for meter in meters:
        loop.call_at(period.start, meter.start)
        loop.call_at(period.end, meter.stop)

    def stop() -> None:
        for meter in meters:
            meter.stop()

    def interrupt() -> None:
        period.interrupt()
        stop()
        sending.cancel()

    loop.add_signal_handler(signal.SIGINT, interrupt)
    try:
        await sending
    except asyncio.CancelledError:
        if not period.interrupted:
            raise
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        stop()


async def _send(load: Load, sender: GrpcSender, period: MeasurementPeriod) -> None:
    """Send the whole load, and wait for the end of the period."""
    await load.drive(sender, period)
    await asyncio.sleep(max(0.0, period.end - monotonic()))


async def _tick(period: MeasurementPeriod, progress: Callable[[float], None]) -> None:
    """Report progress until the end, and the rest when cancelled."""
    reported = period.warmup_start
    try:
        while reported < period.end:
            await asyncio.sleep(min(_TICK, period.end - reported))
            now = min(monotonic(), period.end)
            progress(now - reported)
            reported = now
    finally:
        progress(max(0.0, min(monotonic(), period.end) - reported))


def _precise_loop() -> asyncio.AbstractEventLoop:
    """Make an event loop that sleeps with a precision of microseconds.

    asyncio's default selector is epoll, whose timeout is in whole milliseconds: each request
    would be sent up to a millisecond late.
    """
    return asyncio.SelectorEventLoop(selectors.SelectSelector())
