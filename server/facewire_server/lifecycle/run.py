"""The run of a server process until a signal ends it: signals, drain, exit."""

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from typing import NoReturn

from facewire_server.config import Config
from facewire_server.lifecycle.early_signals import STOP
from facewire_server.lifecycle.loading import Backend
from facewire_server.lifecycle.server import Server
from facewire_server.system.addresses import target_of

logger = logging.getLogger("facewire_server.service.run")


async def run(
    config: Config, loading: Future[Backend], announce: Callable[[str], None]
) -> NoReturn:
    """Serve until SIGTERM or SIGINT, then drain; a second signal ends at once.

    SIGHUP reloads the models; if it comes while they are loaded, right after that.

    `loading` is that of `start_loading`. `announce` gets the line that says where the server
    listens, once it is ready. Raises ConfigError and ModelError.
    """
    server = Server(config)

    async def ready() -> None:
        await server.open()
        if server.metrics_port is not None:
            logger.info("metrics on port %d", server.metrics_port)
        announce(f"listening on {target_of(config.host, server.port)}")

    stop = stop_event(STOP)
    on_hangup(server.reload)
    await serve(server, loading, ready, stop)


async def serve(
    server: Server,
    loading: Future[Backend],
    ready: Callable[[], Awaitable[None]],
    stop: asyncio.Event,
) -> NoReturn:
    """Listen, load, call `ready`, drain once `stop` is set, and end the process.

    Threads that still work then (on a request, a reload, a start) are not waited for,
    as Python would at its exit. Raises ConfigError and ModelError when it cannot serve.
    """
    async with server:
        load = asyncio.create_task(server.load(loading))
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait((load, stopped), return_when=asyncio.FIRST_COMPLETED)
        if load.done():
            log_loaded(load.result())
            await ready()
            await stopped
            await _drain(server)
    exit_now(0)


def exit_now(status: int) -> NoReturn:
    """End the process at once; only the log is flushed.

    `sys.exit` would join the threads of executors, and one of them may be in a call of
    OpenVINO that takes minutes, or in a read that never returns.
    """
    logging.shutdown()
    os._exit(status)


def exit_by_signal(number: int) -> NoReturn:
    """End the process at once, with the exit status that shells give for a signal."""
    exit_now(128 + number)


def stop_event(
    numbers: Sequence[signal.Signals], on_second: Callable[[int], None] = exit_by_signal
) -> asyncio.Event:
    """Return an event that the first of these signals sets, on this event loop.

    A second one calls `on_second`.
    """
    event = asyncio.Event()

    def on_signal(number: int) -> None:
        if event.is_set():
            on_second(number)
        event.set()

    for number in numbers:
        # Replaces the handlers of `early_signals`.
        asyncio.get_running_loop().add_signal_handler(number, on_signal, number)
    return event


def on_hangup(call: Callable[[], None]) -> None:
    """Have SIGHUP call a function on this event loop, also one that came earlier.

    It has been blocked since `early_signals.install` and is pending then: to unblock it
    after the handler is there delivers it, whereas before it would end the process.
    """
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, call)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})


async def _drain(server: Server) -> None:
    grace = server.config.grace
    logger.info("draining, for at most %g s", grace)
    if not await server.drain():
        logger.warning("requests were left unanswered after %g s", grace)


def log_loaded(backend: Backend) -> None:
    """Log which models are loaded, and how the scheduler is sized."""
    for detector in backend.registry:
        model = detector.description
        logger.info(
            "model %s version %s: %s, %dx%d, %s on %s",
            model.name,
            model.version,
            model.head,
            model.input_width,
            model.input_height,
            model.precision,
            model.device,
        )
    scheduler = backend.scheduler
    logger.info("%d requests at a time, queue of %d", scheduler.workers, scheduler.max_queue)
