"""The server: it listens, loads, serves, drains and stops."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial
from types import TracebackType
from typing import Self

import grpc.aio
from prometheus_client import CollectorRegistry

from facewire_server.config import Config
from facewire_server.errors import ConfigError
from facewire_server.inference.detector import Detector
from facewire_server.inference.runtime import Runtime
from facewire_server.lifecycle.listener import Listener
from facewire_server.lifecycle.loading import Backend, Loader
from facewire_server.lifecycle.reload import Files, Reloader
from facewire_server.lifecycle.services import Services
from facewire_server.lifecycle.tasks import BackgroundTasks
from facewire_server.models.source import name_of
from facewire_server.rpc.channel_options import channel_options
from facewire_server.security.access import Access
from facewire_server.system.memory import MemoryTrim
from facewire_server.telemetry.metrics_http import MetricsPort, serve_metrics

FLUSH_SECONDS = 0.5
"""Seconds for finished answers to be sent; calls that are still running then are cancelled."""


class Server:
    """A server that listens while it is open; `async with` opens and stops it."""

    def __init__(
        self,
        config: Config,
        *,
        shares_port: bool = False,
        models: Sequence[str] | None = None,
    ) -> None:
        """`shares_port`: with other processes of the same server, and only those.

        `models` are the names of those it will serve; None: as the settings say.
        Raises ConfigError for certificates and tokens that cannot be used.
        """
        self.config = config
        self._listener = Listener(config, shares_port=shares_port)
        self._access = Access(config)
        if models is None:
            models = [
                name_of(model, precision=config.precision, cache=config.cache)
                for model in config.models
            ]
        self._services = Services(config, models)
        self._grpc = grpc.aio.server(
            handlers=(self._services.handlers(),),
            interceptors=self._access.interceptors(self._services.calls.refuse),
            options=channel_options(config, shares_port=shares_port),
        )
        self._reload_requested = asyncio.Event()
        self._tasks = BackgroundTasks()
        self._watching: asyncio.Task[None] | None = None
        self._metrics_server: MetricsPort | None = None
        self.port = 0
        """The port it listens on; 0: it listens on a Unix socket."""
        self.metrics_port: int | None = None
        """The port of `/metrics`; None: they are not served."""

    async def __aenter__(self) -> Self:
        """Listen; health says NOT_SERVING. Raises ConfigError for an unusable address."""
        self.port = self._listener.open(partial(self._access.add_port, self._grpc))
        try:
            self._serve_metrics()
        except ConfigError:
            self._listener.close()
            raise
        await self._grpc.start()
        self._tasks.start("following certificates and tokens", self._access.follow)
        calls, regions = self._services.calls, self._services.regions
        trim = MemoryTrim(lambda: calls.arrived, lambda: calls.under_way)
        self._tasks.start("giving memory back", trim.run)
        if regions is not None:
            self._tasks.start("letting shared memory go", regions.follow)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop at once; call `drain` before to let requests finish."""
        self._tasks.cancel()
        stopping = asyncio.create_task(self._grpc.stop(FLUSH_SECONDS))
        # The order matters: the first step of `stop` sends GOAWAY on all connections, so
        # they take no new calls. Only then may the errors that `settle` has held back be
        # sent: a client that gets one retries at once, and must do so elsewhere.
        await asyncio.sleep(0)
        self._services.calls.release()
        self._services.health.close()
        await stopping
        self._listener.close()
        if self._metrics_server is not None:
            self._metrics_server.close()
        await self._services.close()

    async def load(self, loading: Future[Backend]) -> Backend:
        """Wait for the models; requests are answered from then on. Raises ModelError."""
        backend = await asyncio.wrap_future(loading)
        self._services.attach(backend)
        reloader = Reloader(
            self._reload_requested, self._files, self._reload, watch=self.config.watch
        )
        self._tasks.start("reloading models", reloader.run)
        return backend

    async def open(self) -> None:
        """Have health say SERVING, except while work stalls."""
        self._services.health.serving()
        watchdog = self._services.watchdog()
        self._watching = self._tasks.start("watching for stalls", watchdog.run)

    def reload(self) -> None:
        """Have all models reloaded soon, or as soon as they are loaded."""
        self._reload_requested.set()

    async def reload_model(self, name: str, load: Loader) -> Exception | None:
        """Reload one of the loaded models; see `reload.reload_model`."""
        return await self._services.reload_model(name, load)

    @property
    def metrics(self) -> CollectorRegistry:
        """The registry of its metrics."""
        return self._services.metrics.registry

    async def drain(self) -> bool:
        """Refuse new requests, and finish those in flight, for at most `grace`.

        Health says NOT_SERVING from the start. Returns whether all have finished.
        """
        self._stop_watching()
        self._services.health.end()
        try:
            async with asyncio.timeout(self.config.grace):
                await self._services.calls.drain()
        except TimeoutError:
            return False
        await self._services.calls.settle()
        return True

    def _stop_watching(self) -> None:
        """Stop the watchdog, which could say SERVING again during the drain."""
        if self._watching is not None:
            self._watching.cancel()

    def _serve_metrics(self) -> None:
        port = self.config.metrics_port
        if port is not None:
            host = self.config.metrics_host
            self._metrics_server = serve_metrics(self.metrics, host, port)
            self.metrics_port = self._metrics_server.port

    def _files(self) -> Files:
        sources = (detector.source for detector in self._services.backend.registry)
        return {source.name: source.files for source in sources}

    async def _reload(self, name: str) -> None:
        if name not in self._services.backend.registry:
            return  # it was unloaded meanwhile
        source = self._services.backend.registry.get(name).source
        runtime = Runtime.from_config(self.config)

        def load() -> Detector:
            return Detector(source.again(), runtime)

        await self.reload_model(name, load)
