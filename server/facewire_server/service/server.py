"""A server's life: listen, load, serve, drain, stop."""

import asyncio
from concurrent.futures import Future
from types import TracebackType
from typing import Self

import grpc.aio
from grpc_health.v1 import health
from grpc_reflection.v1alpha import reflection

from facewire.v1 import detect_pb2_grpc
from facewire_server.backend import Backend
from facewire_server.config import Config
from facewire_server.errors import ConfigError
from facewire_server.metrics import Metrics
from facewire_server.metrics_port import serve_metrics
from facewire_server.model.source import name_of
from facewire_server.service.arrivals import Arrivals
from facewire_server.service.channel_options import channel_options
from facewire_server.service.detect import DetectServicer
from facewire_server.service.gate import Gate
from facewire_server.service.health import SERVICE, Health
from facewire_server.service.reload import Reloader
from facewire_server.service.security import Security
from facewire_server.service.tracing import open_tracing
from facewire_server.service.watchdog import Watchdog

FLUSH_SECONDS = 0.5
"""For finished answers to reach the wire; what is not finished by then is cut off."""


class Server:
    """A server that listens while it is open; `async with` opens and stops it."""

    def __init__(self, config: Config, *, shares_port: bool = False) -> None:
        """`shares_port`: with other processes of the same server, and only those.

        Raises ConfigError for certificates and tokens that are no good.
        """
        self.config = config
        self._metrics = Metrics()
        self._tracing = open_tracing(config.traces)
        self._gate = Gate(self._metrics, self._tracing.ended)
        self._security = Security(config)
        self._detect = DetectServicer(config, self._gate, self._metrics)
        models = (name_of(model) for model in config.models)
        self._health = Health(models, config.limits)
        self._grpc = grpc.aio.server(
            interceptors=(
                *self._security.interceptors(self._gate),
                Arrivals(
                    config.limits,
                    self._gate,
                    max_message_bytes=config.max_message_bytes,
                ),
            ),
            options=channel_options(config, shares_port=shares_port),
        )
        detect_pb2_grpc.add_DetectServiceServicer_to_server(self._detect, self._grpc)
        self._health.add_to(self._grpc)
        reflection.enable_server_reflection(
            (SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME), self._grpc
        )
        self._backend: Backend | None = None
        self._reloader: Reloader | None = None
        self._reloads: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._follows: asyncio.Task[None] | None = None
        self.port = 0
        """The port it listens on."""
        self.metrics_port: int | None = None
        """The port of `/metrics`; None: there is none."""

    async def __aenter__(self) -> Self:
        """Listens; health says NOT_SERVING. Raises ConfigError for a bad address."""
        self.port = self._listen()
        self.metrics_port = self._serve_metrics()
        await self._grpc.start()
        self._follows = asyncio.create_task(self._security.follow())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stops; see `drain` for how to do so politely."""
        self._stop_watching()
        for task in (self._reloads, self._follows):
            if task is not None:
                task.cancel()
        stopping = asyncio.create_task(self._grpc.stop(FLUSH_SECONDS))
        await asyncio.sleep(0)  # its first step tells all connections to send no more
        self._gate.release()
        self._health.close()
        await stopping
        if self._backend is not None:
            self._backend.scheduler.close()
        await self._tracing.close()

    async def load(self, loading: Future[Backend]) -> Backend:
        """Waits for the models; then requests are answered. Raises ModelError."""
        backend = await asyncio.wrap_future(loading)
        self._backend = backend
        backend.scheduler.watch(self._metrics)
        for detector in backend.registry:
            self._metrics.loaded(detector.description)
        self._detect.attach(backend)
        self._reloader = Reloader(
            backend, self.config.runtime, self._metrics, watch=self.config.watch
        )
        self._reloads = asyncio.create_task(self._reloader.run())
        return backend

    async def open(self) -> None:
        """Has health say SERVING, but for when work stalls."""
        self._health.serving()
        assert self._backend is not None, "there is nothing to serve with"
        watchdog = Watchdog(
            self._backend.scheduler,
            self._health,
            self._metrics,
            limit=self.config.stall_seconds,
        )
        self._watching = asyncio.create_task(watchdog.run())

    def reload(self) -> None:
        """Has all models reloaded soon, if they are loaded at all; none goes missing."""
        if self._reloader is not None:
            self._reloader.ask()

    async def drain(self) -> bool:
        """Refuses new requests, finishes those that run, for at most `grace`.

        Health says NOT_SERVING from the start. Returns whether all were finished.
        """
        self._stop_watching()
        self._health.end()
        try:
            async with asyncio.timeout(self.config.grace):
                await self._gate.drain()
        except TimeoutError:
            return False
        await self._gate.settle()
        return True

    def _stop_watching(self) -> None:
        """Leaves the word about health to the drain alone."""
        if self._watching is not None:
            self._watching.cancel()

    def _listen(self) -> int:
        host, port = self.config.host, self.config.port
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        try:
            return self._security.add_port(self._grpc, address)
        except RuntimeError:
            raise ConfigError(
                f"cannot listen on {address}: it is taken, or not ours"
            ) from None

    def _serve_metrics(self) -> int | None:
        port = self.config.metrics_port
        if port is None:
            return None
        return serve_metrics(self._metrics.registry, self.config.host, port)
