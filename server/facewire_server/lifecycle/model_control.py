"""Loading and unloading of models by callers, with --model-control explicit.

Rule: a caller gives a name, never a path or an address. The names are those of the models that
the server was started with, and of the catalogue's, whose files are in the cache folder.
"""

import asyncio
import logging
import weakref
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from facewire_server.catalogue.cache import ModelCache
from facewire_server.catalogue.catalogue import Catalogue
from facewire_server.config import Config
from facewire_server.errors import ModelError, Reason, RequestError
from facewire_server.inference.detector import Detector
from facewire_server.inference.runtime import Runtime
from facewire_server.lifecycle.loading import Loader
from facewire_server.models.registry import Registry, unknown_model
from facewire_server.models.source import Source, name_of
from facewire_server.rpc.dispatcher import Dispatcher
from facewire_server.rpc.health import Health
from facewire_server.rpc.status import out_of_memory
from facewire_server.system.daemon_thread import run_in_daemon_thread
from facewire_server.system.memory import is_shortage, malloc_trim
from facewire_server.telemetry.metrics import Metrics

logger = logging.getLogger("facewire_server.service.models")

Step = Callable[[], Coroutine[Any, Any, None]]


class ModelControl:
    """Loads and unloads the models of one server, one at a time. Runs on its event loop."""

    def __init__(
        self,
        config: Config,
        dispatcher: Dispatcher,
        health: Health,
        metrics: Metrics,
        reload: Callable[[str, Loader], Coroutine[Any, Any, Exception | None]],
    ) -> None:
        """`reload` loads a model that is there again, and returns the error, if any."""
        self._config = config
        self._dispatcher = dispatcher
        self._health = health
        self._metrics = metrics
        self._reload = reload
        self._lock = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._unavailable: dict[str, str] = {}

    @property
    def unavailable(self) -> Mapping[str, str]:
        """The models that were unloaded or could not be loaded, each with the reason."""
        return self._unavailable

    async def load(self, name: str) -> None:
        """Load a model, or load it again if it is there.

        Raises RequestError: UNKNOWN_MODEL for a name that the server does not know,
        MODEL_NOT_LOADED when its files cannot be used. RefusalError (OUT_OF_MEMORY), or
        another error that `is_shortage`.
        """
        await self._finish(partial(self._load, name))

    async def unload(self, name: str) -> None:
        """Take a model away, and return when the requests that it works on have ended.

        After `grace` they are not waited for any more. Raises RequestError (UNKNOWN_MODEL).
        """
        await self._finish(partial(self._unload, name))

    async def _finish(self, step: Step) -> None:
        """Run a step to its end, even if the caller goes away: the next one waits for it."""
        task = asyncio.create_task(self._run(step))
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        await asyncio.shield(task)

    async def _run(self, step: Step) -> None:
        async with self._lock:
            await step()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # nobody else reads it if the caller has gone

    async def _load(self, name: str) -> None:
        registry = self._dispatcher.loaded.registry
        # On a thread: names may be in files.
        finding = run_in_daemon_thread(_requested, name, self._config)
        requested = await asyncio.wrap_future(finding)
        load = partial(_load_from_disk, requested, self._config)
        if name in registry:
            error = await self._reload(name, load)
        else:
            error = await self._add(registry, name, load)
        if error is not None and is_shortage(error):
            raise out_of_memory()
        if error is not None:
            raise RequestError(
                Reason.MODEL_NOT_LOADED, f"{name} was not loaded: the server's log says why"
            )

    async def _add(self, registry: Registry[Detector], name: str, load: Loader) -> Exception | None:
        """Load a model that is not there; returns the error, if any."""
        try:
            detector = await asyncio.wrap_future(run_in_daemon_thread(load))
            registry.add(name, detector)
        except Exception as error:
            # A bug in loading must not look as if it were the caller's fault.
            trace = None if isinstance(error, ModelError) else error
            logger.error("model %s was not loaded: %s", name, error, exc_info=trace)
            self._unavailable[name] = "it could not be loaded"
            return error
        self._unavailable.pop(name, None)
        self._metrics.loaded(detector.description)
        self._health.set_loaded(name, True)
        logger.info("model %s loaded: version %s", name, detector.description.version)
        return None

    async def _unload(self, name: str) -> None:
        detector = self._dispatcher.loaded.registry.remove(name)
        self._unavailable[name] = "it was unloaded"
        self._metrics.unloaded(detector.description)
        self._health.set_loaded(name, False)
        ended, loop = asyncio.Event(), asyncio.get_running_loop()
        # Each request that it works on refers to it.
        weakref.finalize(detector, _call_soon, loop, ended.set).atexit = False
        del detector
        try:
            async with asyncio.timeout(self._config.grace):
                await ended.wait()
        except TimeoutError:
            logger.warning("requests for %s still run after %g s", name, self._config.grace)
        await asyncio.wrap_future(run_in_daemon_thread(malloc_trim))
        logger.info("model %s unloaded", name)


def _call_soon(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    with suppress(RuntimeError):  # the server has stopped, and its loop is closed
        loop.call_soon_threadsafe(call)


def _requested(name: str, config: Config) -> str:
    """Return what finds the model of this name: an element of `config.models`, or the name.

    Raises RequestError (UNKNOWN_MODEL), and ModelError for lack of file descriptors.
    """
    for model in config.models:
        try:
            if name_of(model, precision=config.precision, cache=config.cache) == name:
                return model
        except ModelError as error:
            # What is wrong with another model matters to that one, but this may be the one.
            if is_shortage(error):
                raise
    if name in Catalogue.published():
        return name
    raise unknown_model(
        name, "can be loaded: it is neither one that the server was started with, nor published"
    )


def _load_from_disk(requested: str, config: Config) -> Detector:
    """Load a model, with --pull after fetching what is missing. Raises ModelError."""
    if config.pull:
        # Imported late: it imports an HTTP client, which a server does not need.
        from facewire_server.catalogue.pull import pull_missing

        cache = ModelCache(config.cache)
        pull_missing(requested, config.precision, cache, mirror=config.mirror)
    source = Source.find(requested, precision=config.precision, cache=config.cache)
    return Detector(source, Runtime.from_config(config))
