"""Running a server until a signal ends it."""

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future

from facewire_server.addresses import target_of
from facewire_server.backend import Backend
from facewire_server.config import Config
from facewire_server.service.server import Server

logger = logging.getLogger(__name__)

SIGNALS = (signal.SIGTERM, signal.SIGINT)


async def run(
    config: Config, loading: Future[Backend], announce: Callable[[str], None]
) -> None:
    """Serves until SIGTERM or SIGINT, then drains; a second signal ends at once.

    SIGHUP reloads the models.

    `loading` brings the models. `announce` gets the line that says where the server
    listens, once it is ready. Raises ConfigError and ModelError.
    """

    async def ready(server: Server) -> None:
        await server.open()
        if server.metrics_port is not None:
            logger.info("metrics on port %d", server.metrics_port)
        announce(f"listening on {target_of(config.host, server.port)}")

    await serve(Server(config), loading, ready, signalled(SIGNALS))


async def serve(
    server: Server,
    loading: Future[Backend],
    ready: Callable[[Server], Awaitable[None]],
    stop: asyncio.Event,
) -> None:
    """Listens, loads, is `ready`, and drains when it shall stop.

    Ends the process when that leaves a thread busy: nobody waits for it any more, and
    Python would wait for it to end.
    """
    if not await _serve(server, loading, ready, stop):
        leave(0)


def signalled(numbers: Sequence[signal.Signals]) -> asyncio.Event:
    """What is set by the first of these signals; a second one ends the process."""
    event = asyncio.Event()
    for number in numbers:
        asyncio.get_running_loop().add_signal_handler(number, _on, number, event)
    return event


def leave(status: int) -> None:
    """Ends the process at once, but for what was logged."""
    logging.shutdown()
    os._exit(status)


async def _serve(
    server: Server,
    loading: Future[Backend],
    ready: Callable[[Server], Awaitable[None]],
    stop: asyncio.Event,
) -> bool:
    """Serves until `stop`; returns whether no thread is left working."""
    async with server:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, server.reload)
        load = asyncio.create_task(server.load(loading))
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait((load, stopped), return_when=asyncio.FIRST_COMPLETED)
        if not load.done():
            return False
        _log_loaded(load.result())
        await ready(server)
        await stopped
        logger.info("draining, for at most %g s", server.config.grace)
        drained = await server.drain()
        if not drained:
            grace = server.config.grace
            logger.warning("requests were left unanswered after %g s", grace)
        return drained


def _on(number: int, event: asyncio.Event) -> None:
    if event.is_set():
        leave(128 + number)
    event.set()


def _log_loaded(backend: Backend) -> None:
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
    logger.info(
        "%d requests at a time, queue of %d", scheduler.workers, scheduler.max_queue
    )
