"""The reload of models while they serve: on demand, and when their files change."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from facewire_server.errors import ModelError
from facewire_server.lifecycle.loading import Backend, Loader
from facewire_server.system.daemon_thread import run_in_daemon_thread
from facewire_server.system.file_watch import POLL_SECONDS, FileChanges, fingerprint
from facewire_server.telemetry.metrics import Metrics

logger = logging.getLogger("facewire_server.service.reload")

Files = Mapping[str, Callable[[], tuple[Path, ...]]]
"""What lists the files that each model is made of now, by the model's name."""


class Reloader:
    """Reloads models, one after the other, while `run` runs."""

    def __init__(
        self,
        requested: asyncio.Event,
        files: Callable[[], Files],
        reload: Callable[[str], Awaitable[object]],
        *,
        watch: bool,
    ) -> None:
        """All models are reloaded when `requested` is set, which it may be before `run`.

        `files` returns the models and what lists their files, and `reload` reloads one by its name.
        `watch`: a model is also reloaded when its files have changed.
        """
        self._requested = requested
        self._files = files
        self._reload = reload
        self._watch = watch
        self._changes: dict[str, FileChanges] = {}

    async def run(self) -> None:
        """Reload models on demand and after changes of their files, until it is cancelled."""
        for name, files in self._files().items():
            await self._has_changed(name, files)
        while True:
            all_models = await self._wait()
            for name, files in self._files().items():
                # Checked even if all models are reloaded: the fingerprint must be taken
                # before the files are read.
                has_changed = await self._has_changed(name, files)
                if all_models or has_changed:
                    await self._reload(name)
                    # Also after a failure: the same files would only fail again.
                    self._changes[name].mark_loaded()

    async def _wait(self) -> bool:
        """Return True when all models are to be reloaded, False after POLL_SECONDS."""
        try:
            async with asyncio.timeout(POLL_SECONDS if self._watch else None):
                await self._requested.wait()
        except TimeoutError:
            return False
        self._requested.clear()
        return True

    async def _has_changed(self, name: str, files: Callable[[], tuple[Path, ...]]) -> bool:
        """Whether a model's files have changed and settled; the first look finds none."""
        # On a thread: access to a network drive that hangs would stop the loop.
        now = await asyncio.wrap_future(run_in_daemon_thread(lambda: fingerprint(*files())))
        return self._changes.setdefault(name, FileChanges(now)).look(now)


async def reload_model(
    backend: Backend, metrics: Metrics, name: str, load: Loader
) -> Exception | None:
    """Reload one model by `load`; log and count the outcome.

    A model that cannot be loaded leaves the old one serving. Returns the error then.
    """
    old = backend.registry.get(name).description
    try:
        new = (await backend.reload(name, load)).description
    except Exception as error:
        # A bug in loading must not end the reloads to come.
        trace = None if isinstance(error, ModelError) else error
        metrics.reloaded(name, "failed")
        logger.error(
            "model %s was not reloaded, version %s serves on: %s",
            name,
            old.version,
            error,
            exc_info=trace,
        )
        return error
    metrics.reloaded(name, "succeeded")
    metrics.replaced(old, new)
    logger.info("model %s reloaded: %s -> %s", name, old.version, new.version)
    return None
