"""What answers calls: the handlers of all services, and what they share.

Rule: it does not listen. Calls come from gRPC's server, or by another way to `handlers`.
"""

from collections.abc import Sequence
from typing import cast

import grpc.aio
from grpc_health.v1 import health_pb2_grpc

from facewire.inference.v2 import open_inference_pb2_grpc
from facewire.v1 import detect_pb2_grpc
from facewire_server.config import Config
from facewire_server.inference.response_cache import ResponseCache
from facewire_server.lifecycle.loading import Backend, Loader
from facewire_server.lifecycle.model_control import ModelControl
from facewire_server.lifecycle.reload import reload_model
from facewire_server.lifecycle.watchdog import Watchdog
from facewire_server.rpc.admission import Admission
from facewire_server.rpc.calls import Calls
from facewire_server.rpc.detect import DetectServicer
from facewire_server.rpc.dispatcher import Dispatcher, Prepare
from facewire_server.rpc.health import Health
from facewire_server.rpc.open_inference import OpenInferenceServicer
from facewire_server.rpc.reflection import add_reflection
from facewire_server.rpc.tracing import open_tracing
from facewire_server.system.shared_memory import Regions
from facewire_server.telemetry import logs
from facewire_server.telemetry.metrics import Metrics


class Services:
    """The services of one process. They refuse requests until `attach`. Runs on an event loop."""

    def __init__(self, config: Config, models: Sequence[str]) -> None:
        """`models` are the names of those that will be served."""
        self._config = config
        self.metrics = Metrics()
        logs.on_dropped(self.metrics.log_lines_dropped)
        self.tracing = open_tracing(config.traces)
        self.calls = Calls(self.metrics, self.tracing)
        cache_bytes = config.response_cache_bytes
        cache = ResponseCache(cache_bytes, self.metrics) if cache_bytes else None
        self.dispatcher = Dispatcher(config, cache)
        self.regions = Regions() if config.shared_memory else None
        self.health = Health(models, config.limits)
        self._control: ModelControl | None = None
        if config.model_control == "explicit":
            arguments = (self.dispatcher, self.health, self.metrics, self.reload_model)
            self._control = ModelControl(config, *arguments)
        self._backend: Backend | None = None

    def handlers(self) -> Admission:
        """Make the handlers of all services; they admit calls."""
        limits, size = self._config.limits, self._config.max_message_bytes
        admission = Admission(limits, self.calls, max_message_bytes=size)
        # To the functions that add a service it is a server: it has the two methods that
        # they call.
        services = cast("grpc.aio.Server", admission)
        detect = DetectServicer(self.dispatcher, self.calls)
        detect_pb2_grpc.add_DetectServiceServicer_to_server(detect, services)
        health_pb2_grpc.add_HealthServicer_to_server(self.health, services)
        open_inference = OpenInferenceServicer(
            *(self.dispatcher, self.calls, self.health, self.metrics),
            *(self.regions, self._control),
        )
        open_inference_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(open_inference, services)
        add_reflection(services)
        return admission

    def attach(self, backend: Backend, prepare: Prepare | None = None) -> None:
        """Answer requests from now on. `prepare`: see Dispatcher.attach."""
        self._backend = backend
        scheduler, metrics = backend.scheduler, self.metrics
        scheduler.watch(metrics.checkpoint_passed)
        metrics.depth.set_function(lambda: scheduler.depth)
        metrics.queued_bytes.set_function(lambda: scheduler.queued_bytes)
        for detector in backend.registry:
            metrics.loaded(detector.description)
        self.dispatcher.attach(backend.registry, scheduler, prepare)

    @property
    def backend(self) -> Backend:
        """The models and the scheduler that were attached."""
        assert self._backend is not None, "the models are not loaded yet"
        return self._backend

    def watchdog(self) -> Watchdog:
        """Make what has health say NOT_SERVING while work stalls."""
        limit = self._config.stall_seconds
        return Watchdog(self.backend.scheduler, self.health, self.metrics, limit=limit)

    async def reload_model(self, name: str, load: Loader) -> Exception | None:
        """Reload one of the loaded models; see `reload.reload_model`."""
        return await reload_model(self.backend, self.metrics, name, load)

    async def close(self) -> None:
        """Log what is held back, end the scheduler's threads and send the last traces."""
        self.calls.refusals.flush()
        if self._backend is not None:
            self._backend.scheduler.close()
        if self.tracing is not None:
            await self.tracing.close()
