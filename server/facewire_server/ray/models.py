"""The models of a replica, of which it keeps a limited number loaded."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial

from ray import serve

from facewire_server.errors import ModelError, Reason, RequestError
from facewire_server.inference.detector import Detector
from facewire_server.inference.runtime import Runtime
from facewire_server.models.registry import Registry
from facewire_server.models.source import Source
from facewire_server.rpc.status import out_of_memory
from facewire_server.system.daemon_thread import run_in_daemon_thread
from facewire_server.system.memory import is_shortage
from facewire_server.telemetry.metrics import Metrics

logger = logging.getLogger("facewire_server.service.models")


class KeptModel:
    """A model as Serve keeps it: Serve calls `__del__` when it gives it up for another."""

    def __init__(self, release: Callable[[], None]) -> None:
        self._release: Callable[[], None] | None = release

    def __del__(self) -> None:
        # Serve calls this once, and the interpreter once more.
        release, self._release = self._release, None
        if release is not None:
            release()


class MultiplexedModels:
    """Loads the models of a registry when they are asked for, and releases others for them.

    Serve's routers are told which models a replica has. The names are those of the registry.
    """

    def __init__(
        self, registry: Registry[Detector], runtime: Runtime, metrics: Metrics, limit: int
    ) -> None:
        """`registry` has all models loaded; `limit` is how many are kept."""
        self._registry = registry
        self._runtime = runtime
        self._metrics = metrics
        self._sources = {each.description.name: each.source for each in registry}

        async def keep(name: str) -> KeptModel:
            return await self._keep(name)

        self._kept: Callable[[str], Awaitable[KeptModel]] = serve.multiplexed(
            keep, max_num_models_per_replica=limit
        )

    async def prepare(self, name: str) -> None:
        """Load a model that was released; empty: the default one. See dispatcher.Prepare.

        Raises RequestError (MODEL_NOT_LOADED) when its files cannot be used any more, and
        RefusalError (OUT_OF_MEMORY).
        """
        name = name or self._registry.default_name
        if name not in self._sources:
            return  # the registry says what is wrong
        try:
            await self._kept(name)
        except ModelError as error:
            if is_shortage(error):
                raise out_of_memory() from None
            raise RequestError(
                Reason.MODEL_NOT_LOADED, f"{name} was not loaded: the server's log says why"
            ) from None

    async def keep_first(self) -> None:
        """Keep the models that come first in the registry, as many as the limit allows."""
        for name in reversed(self._sources):
            await self._kept(name)

    async def _keep(self, name: str) -> KeptModel:
        """Load a model unless it is there. Called by Serve, one at a time."""
        if name not in self._registry:
            source = self._sources[name]
            load = partial(_load, source, self._runtime)
            try:
                detector = await asyncio.wrap_future(run_in_daemon_thread(load))
            except ModelError as error:
                logger.error("model %s was not loaded: %s", name, error)
                raise
            self._registry.add(name, detector)
            self._metrics.loaded(detector.description)
            logger.info("model %s loaded: version %s", name, detector.description.version)
        return KeptModel(partial(self._release, name))

    def _release(self, name: str) -> None:
        self._registry.release(name)
        self._metrics.unloaded(self._registry.describe(name))
        logger.info("model %s released for another one", name)


def _load(source: Source, runtime: Runtime) -> Detector:
    return Detector(source.again(), runtime)
