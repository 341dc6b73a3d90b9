"""Running a server until a signal ends it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import NoReturn

from facewire_server.config import Config
from facewire_server.lifecycle.early_signals import STOP
from facewire_server.lifecycle.loading import Backend
from facewire_server.lifecycle.server import Server
from facewire_server.lifecycle.signals import leave, on_hangup, signalled
from facewire_server.system.addresses import target_of

logger = logging.getLogger("facewire_server.service.run")


async def run(
    config: Config, loading: Future[Backend], announce: Callable[[str], None]
) -> NoReturn:
    """Serves until SIGTERM or SIGINT, then drains; a second signal ends at once.

    SIGHUP reloads the models: one that comes before they are loaded, right after that.

    `loading` brings the models. `announce` gets the line that says where the server
    listens, once it is ready. Raises ConfigError and ModelError.
    """
    server = Server(config)

    async def ready() -> None:
        await server.open()
        if server.metrics_port is not None:
            logger.info("metrics on port %d", server.metrics_port)
        announce(f"listening on {target_of(config.host, server.port)}")

    stop = signalled(STOP)
    on_hangup(server.reload)
    await serve(server, loading, ready, stop)


async def serve(
    server: Server,
    loading: Future[Backend],
    ready: Callable[[], Awaitable[None]],
    stop: asyncio.Event,
) -> NoReturn:
    """Listens, loads, is `ready`, drains when it shall stop, and ends the process.

    Whatever a thread still does then (a request, a reload, a start) is not waited for,
    as Python would. Raises ConfigError and ModelError when it does not get to serve.
    """
    async with server:
        load = asyncio.create_task(server.load(loading))
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait((load, stopped), return_when=asyncio.FIRST_COMPLETED)
        if load.done():
            _log_loaded(load.result())
            await ready()
            await stopped
            await _drain(server)
    leave(0)


async def _drain(server: Server) -> None:
    grace = server.config.grace
    logger.info("draining, for at most %g s", grace)
    if not await server.drain():
        logger.warning("requests were left unanswered after %g s", grace)


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
    logger.info("%d requests at a time, queue of %d", scheduler.workers, scheduler.max_queue)
