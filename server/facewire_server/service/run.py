"""Running a server until a signal ends it."""

import asyncio
import logging
import os
import signal
from collections.abc import Callable
from concurrent.futures import Future

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

    `loading` brings the models. `announce` gets the line that says where the server listens, once it is ready.
    Raises ConfigError and ModelError.
    """
    signalled = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, _on_signal, number, signalled)
    if not await _serve(config, loading, announce, signalled):
        # A thread is still busy, with a network or with loading one. Nobody waits
        # for it any more, and Python would wait for it to end.
        logging.shutdown()
        os._exit(0)


async def _serve(
    config: Config,
    loading: Future[Backend],
    announce: Callable[[str], None],
    signalled: asyncio.Event,
) -> bool:
    """Serves until `signalled`; returns whether no thread is left working."""
    async with Server(config) as server:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, server.reload)
        load = asyncio.create_task(server.load(loading))
        stop = asyncio.create_task(signalled.wait())
        await asyncio.wait((load, stop), return_when=asyncio.FIRST_COMPLETED)
        if not load.done():
            return False
        _log_ready(load.result(), server.metrics_port)
        announce(f"listening on {config.host}:{server.port}")
        await stop
        logger.info("draining, for at most %g s", config.grace)
        drained = await server.drain()
        if not drained:
            logger.warning("requests were left unanswered after %g s", config.grace)
        return drained


def _on_signal(number: int, signalled: asyncio.Event) -> None:
    if signalled.is_set():
        logging.shutdown()
        os._exit(128 + number)
    signalled.set()


def _log_ready(backend: Backend, metrics_port: int | None) -> None:
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
    logger.info("%d workers, queue of %d", scheduler.workers, scheduler.max_queue)
    if metrics_port is not None:
        logger.info("metrics on port %d", metrics_port)
