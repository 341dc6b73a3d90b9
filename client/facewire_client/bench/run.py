"""One run: connections, load, clock and interruption brought together."""

import asyncio
import gc
import selectors
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic

from facewire_client.bench.caller import Caller, serialised
from facewire_client.bench.channels import channels
from facewire_client.bench.cpu import CpuMeter, Meter
from facewire_client.bench.load import Load
from facewire_client.bench.method import DETECT, Method
from facewire_client.bench.photo import Photo
from facewire_client.bench.recorder import Recorder
from facewire_client.bench.settings import Settings
from facewire_client.bench.window import Window
from facewire_client.connection import Connection

_TICK = 0.25
"""Seconds between two reports of progress."""


@dataclass(frozen=True, slots=True)
class Run:
    """What was measured: the record, and the client's CPU seconds in the window."""

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
    """Sends the load and returns the record of it; for the main thread only.

    `progress` is told every now and then how many seconds of warm-up and duration have
    passed since it was told last. `meters` start and stop with the window. SIGINT ends the run
    early: what is on its way is cut off. Raises FaceClientError when the server cannot be
    reached to begin with, and for a photo that is over the message limit.
    """
    gc.freeze()  # else it walks all modules now and then, for tens of milliseconds
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
    requests = [serialised(connection, method, photo, settings.model) for photo in photos]
    async with channels(connection, settings.connections) as opened:
        started_at = datetime.now(UTC)
        window = Window(settings.warmup, settings.duration)
        recorder = Recorder(window, len(photos), settings.deadline)
        caller = Caller(connection, opened, method, requests, settings.deadline, recorder)
        cpu = CpuMeter()
        loop = asyncio.get_running_loop()
        for meter in (cpu, *meters):
            loop.call_at(window.opens, meter.start)
            loop.call_at(window.closes, meter.stop)
        ticking = asyncio.create_task(_tick(window, progress))
        sending = asyncio.create_task(_send(settings.load, caller, window))

        def stop() -> None:
            for meter in (cpu, *meters):
                meter.stop()

        def interrupt() -> None:
            window.interrupt()
            stop()
            sending.cancel()

        loop.add_signal_handler(signal.SIGINT, interrupt)
        try:
            await sending
        except asyncio.CancelledError:
            if not window.interrupted:
                raise
        finally:
            loop.remove_signal_handler(signal.SIGINT)
            ticking.cancel()
            stop()
    return Run(started_at, recorder, cpu.seconds)


async def _send(load: Load, caller: Caller, window: Window) -> None:
    """The whole load, and what is left of the window after its last request."""
    await load.drive(caller, window)
    await asyncio.sleep(max(0.0, window.closes - monotonic()))


async def _tick(window: Window, progress: Callable[[float], None]) -> None:
    """Reports progress until it is cancelled, and then what is left to report."""
    told = window.begins
    try:
        while told < window.closes:
            await asyncio.sleep(min(_TICK, window.closes - told))
            now = min(monotonic(), window.closes)
            progress(now - told)
            told = now
    finally:
        progress(max(0.0, min(monotonic(), window.closes) - told))


def _precise_loop() -> asyncio.AbstractEventLoop:
    """An event loop that sleeps to the microsecond.

    With epoll it would send each request up to a millisecond late.
    """
    return asyncio.SelectorEventLoop(selectors.SelectSelector())
