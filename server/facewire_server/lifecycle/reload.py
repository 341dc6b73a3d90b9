"""Replacing models while they serve: on demand, and when their files change."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from facewire_server.errors import ModelError
from facewire_server.lifecycle.loading import Backend, Loader
from facewire_server.system.daemon_thread import aside
from facewire_server.system.fingerprint import POLL_SECONDS, Fingerprint, fingerprint
from facewire_server.telemetry.metrics import Metrics

logger = logging.getLogger("facewire_server.service.reload")

Files = Mapping[str, tuple[Path, ...]]
"""What each model is made of, by the model's name."""


class Reloader:
    """Says when a model is to be reloaded, one after the other, while `run` runs."""

    def __init__(
        self,
        asked: asyncio.Event,
        files: Callable[[], Files],
        reload: Callable[[str], Awaitable[object]],
        *,
        watch: bool,
    ) -> None:
        """All models are reloaded when `asked` is set, which it may be before `run`.

        `files` says what there is to reload, and `reload` does it, by a model's name.
        `watch`: a model is also reloaded when its files change.
        """
        self._asked = asked
        self._files = files
        self._reload = reload
        self._watch = watch
        self._served: dict[str, Fingerprint] = {}
        self._seen: dict[str, Fingerprint] = {}

    async def run(self) -> None:
        """Reloads what is asked for and what has changed, until it is cancelled."""
        if not self._served:
            self._served = await self._stamps()
            self._seen = dict(self._served)
        while True:
            try:
                async with asyncio.timeout(POLL_SECONDS if self._watch else None):
                    await self._asked.wait()
            except TimeoutError:
                await self._reload_changed()
            else:
                self._asked.clear()
                for name, found in (await self._stamps()).items():
                    await self._reload_as(name, found)

    async def _reload_changed(self) -> None:
        """Reloads models whose files have changed and have stayed so for one look.

        A file that is still being written is left alone.
        """
        now = await self._stamps()
        for name, found in now.items():
            if found == self._seen.get(name) != self._served.get(name):
                await self._reload_as(name, found)
        self._seen = now

    async def _reload_as(self, name: str, found: Fingerprint) -> None:
        """Reloads a model whose files were found so, and does not for the same again.

        They were looked at before they are read: a change in between is then seen.
        """
        await self._reload(name)
        self._served[name] = found

    async def _stamps(self) -> dict[str, Fingerprint]:
        return {
            name: await asyncio.wrap_future(aside(fingerprint, *files))
            for name, files in self._files().items()
        }


async def reload_model(backend: Backend, metrics: Metrics, name: str, load: Loader) -> str:
    """Reloads one model by `load`, tells it and counts it.

    One that is no good leaves the old one serving; returns why, empty: all is well.
    """
    old = backend.registry.get(name).description
    try:
        new = (await backend.reload(name, load)).description
    except Exception as error:
        # A fault of ours must not end the reloads to come.
        trace = None if isinstance(error, ModelError) else error
        metrics.reloaded(name, "failed")
        logger.error(
            "model %s was not reloaded, version %s serves on: %s",
            name,
            old.version,
            error,
            exc_info=trace,
        )
        return str(error) or type(error).__name__
    metrics.reloaded(name, "succeeded")
    metrics.replaced(old, new)
    logger.info("model %s reloaded: %s -> %s", name, old.version, new.version)
    return ""
