"""Replacing models while they serve: on demand, and when their files change."""

import asyncio
import logging

from facewire_server.aside import aside
from facewire_server.backend import Backend
from facewire_server.errors import ModelError
from facewire_server.metrics import Metrics
from facewire_server.model.runtime import Runtime
from facewire_server.stamp import POLL_SECONDS, Stamp, stamp

logger = logging.getLogger(__name__)


class Reloader:
    """Reloads the models of a backend, one after the other, while `run` runs."""

    def __init__(
        self, backend: Backend, runtime: Runtime, metrics: Metrics, *, watch: bool
    ) -> None:
        """`watch`: also when their files change."""
        self._backend = backend
        self._runtime = runtime
        self._metrics = metrics
        self._watch = watch
        self._asked = asyncio.Event()
        self._served: dict[str, Stamp] = {}
        self._seen: dict[str, Stamp] = {}

    def ask(self) -> None:
        """Has all models reloaded soon."""
        self._asked.set()

    async def run(self) -> None:
        """Reloads what is asked for and what has changed, until it is cancelled."""
        self._served = self._seen = await self._stamps()
        while True:
            try:
                async with asyncio.timeout(POLL_SECONDS if self._watch else None):
                    await self._asked.wait()
            except TimeoutError:
                await self._reload_changed()
            else:
                self._asked.clear()
                # By name: a variable would keep the old model until the next reload.
                for name in self._backend.registry.names:
                    await self._reload(name)

    async def _reload_changed(self) -> None:
        """Reloads models whose files have changed and have stayed so for one look.

        A file that is still being written is left alone.
        """
        now = await self._stamps()
        for name, found in now.items():
            if found == self._seen[name] != self._served[name]:
                await self._reload(name)
                self._served[name] = found
        self._seen = now

    async def _reload(self, name: str) -> None:
        """Reloads one model; one that is no good leaves the old one serving."""
        old = self._backend.registry.get(name).description
        try:
            new = (await self._backend.reload(name, self._runtime)).description
        except Exception as error:
            # A fault of ours must not end the reloads to come.
            trace = None if isinstance(error, ModelError) else error
            self._metrics.reloaded(name, "failed")
            logger.error(
                "model %s was not reloaded, version %s serves on: %s",
                name,
                old.version,
                error,
                exc_info=trace,
            )
            return
        self._metrics.reloaded(name, "succeeded")
        self._metrics.replaced(old, new)
        logger.info("model %s reloaded: %s -> %s", name, old.version, new.version)

    async def _stamps(self) -> dict[str, Stamp]:
        sources = [detector.source for detector in self._backend.registry]
        return {
            source.name: await asyncio.wrap_future(aside(stamp, *source.files))
            for source in sources
        }
