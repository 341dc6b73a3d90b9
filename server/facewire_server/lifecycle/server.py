"""The server: it listens, loads, serves, drains and stops."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial
from types import TracebackType
from typing import Self, cast

import grpc.aio
from grpc_health.v1 import health_pb2_grpc
from prometheus_client import CollectorRegistry

from facewire.inference.v2 import open_inference_pb2_grpc
from facewire.v1 import detect_pb2_grpc
from facewire_server.config import Config
from facewire_server.errors import ConfigError
from facewire_server.inference.detector import Detector
from facewire_server.inference.response_cache import ResponseCache
from facewire_server.inference.runtime import Runtime
from facewire_server.lifecycle.listener import Listener
from facewire_server.lifecycle.loading import Backend, Loader
from facewire_server.lifecycle.model_control import ModelControl
from facewire_server.lifecycle.reload import Files, Reloader, reload_model
from facewire_server.lifecycle.tasks import BackgroundTasks
from facewire_server.lifecycle.watchdog import Watchdog
from facewire_server.models.source import name_of
from facewire_server.rpc.admission import Admission
from facewire_server.rpc.calls import Calls
from facewire_server.rpc.channel_options import channel_options
from facewire_server.rpc.detect import DetectServicer
from facewire_server.rpc.dispatcher import Dispatcher
from facewire_server.rpc.health import Health
from facewire_server.rpc.open_inference import OpenInferenceServicer
from facewire_server.rpc.reflection import add_reflection
from facewire_server.rpc.tracing import open_tracing
from facewire_server.security.access import Access
from facewire_server.system.memory import MemoryTrim
from facewire_server.system.shared_memory import Regions
from facewire_server.telemetry import logs
from facewire_server.telemetry.metrics import Metrics
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
        self._metrics = Metrics()
        logs.on_dropped(self._metrics.log_lines_dropped)
        self._tracing = open_tracing(config.traces)
        self._listener = Listener(config, shares_port=shares_port)
        self._calls = Calls(self._metrics, self._tracing)
        self._access = Access(config)
        cache_bytes = config.response_cache_bytes
        cache = ResponseCache(cache_bytes, self._metrics) if cache_bytes else None
        self._dispatcher = Dispatcher(config, cache)
        self._regions = Regions() if config.shared_memory else None
        if models is None:
            models = [
                name_of(model, precision=config.precision, cache=config.cache)
                for model in config.models
            ]
        self._health = Health(models, config.limits)
        self._control: ModelControl | None = None
        if config.model_control == "explicit":
            arguments = (self._dispatcher, self._health, self._metrics, self.reload_model)
            self._control = ModelControl(config, *arguments)
        self._grpc = grpc.aio.server(
            handlers=(self._services(),),
            interceptors=self._access.interceptors(self._calls.refuse),
            options=channel_options(config, shares_port=shares_port),
        )
        self._backend: Backend | None = None
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
        calls = self._calls
        trim = MemoryTrim(lambda: calls.arrived, lambda: calls.under_way)
        self._tasks.start("giving memory back", trim.run)
        if self._regions is not None:
            self._tasks.start("letting shared memory go", self._regions.follow)
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
        self._calls.release()
        self._health.close()
        await stopping
        self._calls.refusals.flush()
        self._listener.close()
        if self._backend is not None:
            self._backend.scheduler.close()
        if self._metrics_server is not None:
            self._metrics_server.close()
        if self._tracing is not None:
            await self._tracing.close()

    async def load(self, loading: Future[Backend]) -> Backend:
        """Wait for the models; requests are answered from then on. Raises ModelError."""
        backend = await asyncio.wrap_future(loading)
        self._backend = backend
        scheduler = backend.scheduler
        scheduler.watch(self._metrics.checkpoint_passed)
        self._metrics.depth.set_function(lambda: scheduler.depth)
        self._metrics.queued_bytes.set_function(lambda: scheduler.queued_bytes)
        for detector in backend.registry:
            self._metrics.loaded(detector.description)
        self._dispatcher.attach(backend.registry, backend.scheduler)
        reloader = Reloader(
            self._reload_requested, self._files, self._reload, watch=self.config.watch
        )
        self._tasks.start("reloading models", reloader.run)
        return backend

    async def open(self) -> None:
        """Have health say SERVING, except while work stalls."""
        self._health.serving()
        watchdog = Watchdog(
            self._loaded.scheduler,
            self._health,
            self._metrics,
            limit=self.config.stall_seconds,
        )
        self._watching = self._tasks.start("watching for stalls", watchdog.run)

    def reload(self) -> None:
        """Have all models reloaded soon, or as soon as they are loaded."""
        self._reload_requested.set()

    async def reload_model(self, name: str, load: Loader) -> Exception | None:
        """Reload one of the loaded models; see `reload.reload_model`."""
        return await reload_model(self._loaded, self._metrics, name, load)

    @property
    def metrics(self) -> CollectorRegistry:
        """The registry of its metrics."""
        return self._metrics.registry

    async def drain(self) -> bool:
        """Refuse new requests, and finish those in flight, for at most `grace`.

        Health says NOT_SERVING from the start. Returns whether all have finished.
        """
        self._stop_watching()
        self._health.end()
        try:
            async with asyncio.timeout(self.config.grace):
                await self._calls.drain()
        except TimeoutError:
            return False
        await self._calls.settle()
        return True

    def _services(self) -> Admission:
        """Make the handlers of all services; they admit calls."""
        limits, size = self.config.limits, self.config.max_message_bytes
        admission = Admission(limits, self._calls, max_message_bytes=size)
        # To the functions that add a service it is a server: it has the two methods that
        # they call.
        services = cast("grpc.aio.Server", admission)
        detect = DetectServicer(self._dispatcher, self._calls)
        detect_pb2_grpc.add_DetectServiceServicer_to_server(detect, services)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, services)
        open_inference = OpenInferenceServicer(
            *(self._dispatcher, self._calls, self._health, self._metrics),
            *(self._regions, self._control),
        )
        open_inference_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(open_inference, services)
        add_reflection(services)
        return admission

    def _stop_watching(self) -> None:
        """Stop the watchdog, which could say SERVING again during the drain."""
        if self._watching is not None:
            self._watching.cancel()

    def _serve_metrics(self) -> None:
        port = self.config.metrics_port
        if port is not None:
            host = self.config.metrics_host
            self._metrics_server = serve_metrics(self._metrics.registry, host, port)
            self.metrics_port = self._metrics_server.port

    @property
    def _loaded(self) -> Backend:
        assert self._backend is not None, "the models are not loaded yet"
        return self._backend

    def _files(self) -> Files:
        sources = (detector.source for detector in self._loaded.registry)
        return {source.name: source.files for source in sources}

    async def _reload(self, name: str) -> None:
        if name not in self._loaded.registry:
            return  # it was unloaded meanwhile
        source = self._loaded.registry.get(name).source
        runtime = Runtime.from_config(self.config)

        def load() -> Detector:
            return Detector(source.again(), runtime)

        await self.reload_model(name, load)
