"""The deployment of Ray Serve: each of its replicas answers calls with all services."""

import asyncio
import math
from collections.abc import AsyncIterator
from typing import Any

import ray
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2
from ray.serve.grpc_util import RayServegRPCContext, gRPCInputStream

from facewire.inference.v2 import open_inference_pb2
from facewire.v1 import detect_pb2
from facewire_server.catalogue.cache import ModelCache
from facewire_server.config import Config
from facewire_server.inference.runtime import Runtime
from facewire_server.lifecycle.loading import Backend
from facewire_server.lifecycle.run import log_loaded
from facewire_server.lifecycle.services import Services
from facewire_server.lifecycle.tasks import BackgroundTasks
from facewire_server.ray.gateway import Gateway, StreamStatus, one
from facewire_server.ray.models import MultiplexedModels
from facewire_server.security.access import Access
from facewire_server.system.daemon_thread import run_in_daemon_thread
from facewire_server.system.memory import MemoryTrim
from facewire_server.telemetry import logs

SERVED = (
    detect_pb2.DESCRIPTOR.services_by_name["DetectService"],
    health_pb2.DESCRIPTOR.services_by_name["Health"],
    open_inference_pb2.DESCRIPTOR.services_by_name["GRPCInferenceService"],
)
"""The services. Serve calls the method of a replica that is named as the service's."""


class NotServing(Exception):
    """Health is NOT_SERVING: Serve starts another replica in the place of this one."""


class FaceDetector:
    """One replica. It has a method for each of the services."""

    async def __init__(self, config: Config, models_per_replica: int) -> None:  # type: ignore[misc]
        """Load the models. Raises ConfigError and ModelError."""
        logs.set_up(config.log_level, config.log_format, {})
        cores = assigned_cores()
        backend = await asyncio.wrap_future(run_in_daemon_thread(_load, config, cores))
        log_loaded(backend)
        names = [description.name for description in backend.registry.descriptions]
        self._services = Services(config, names)
        runtime = Runtime.from_config(config, cores)
        metrics = self._services.metrics
        models = MultiplexedModels(backend.registry, runtime, metrics, models_per_replica)
        self._services.attach(backend, models.prepare)
        await models.keep_first()
        access = Access(config)
        interceptors = access.interceptors(self._services.calls.refuse)
        self._gateway = Gateway(self._services.handlers(), interceptors)
        self._tasks = BackgroundTasks()
        self._start_tasks(access)
        self._services.health.serving()

    def _start_tasks(self, access: Access) -> None:
        """Do in the background what a server does there."""
        self._tasks.start("following tokens", access.follow)
        calls = self._services.calls
        trim = MemoryTrim(lambda: calls.arrived, lambda: calls.under_way)
        self._tasks.start("giving memory back", trim.run)
        self._tasks.start("watching for stalls", self._services.watchdog().run)

    def check_health(self) -> None:
        """Raise NotServing while health is NOT_SERVING. Called by Serve."""
        if not self._services.health.is_serving:
            raise NotServing("one request has been worked on for too long")


def _unary(path: str) -> Any:
    """Make the method of a replica that answers calls of `path` with one message."""

    async def answer(
        self: FaceDetector, request: Message, grpc_context: RayServegRPCContext
    ) -> Message:
        return await self._gateway.unary(path, request, grpc_context)

    return answer


def _stream(path: str) -> Any:
    """Make the method of a replica that answers calls of `path` with a stream."""

    async def answers(
        self: FaceDetector, requests: Any, grpc_context: RayServegRPCContext
    ) -> AsyncIterator[Message | StreamStatus]:
        messages = requests if isinstance(requests, gRPCInputStream) else one(requests)
        async for answer in self._gateway.stream(path, messages, grpc_context):
            yield answer

    return answers


for _service in SERVED:
    for _method in _service.methods:
        _make = _stream if _method.server_streaming else _unary
        setattr(FaceDetector, _method.name, _make(f"/{_service.full_name}/{_method.name}"))


def _load(config: Config, cores: int | None) -> Backend:
    """Load the models, with `pull` after fetching what is missing. Raises ModelError."""
    if config.pull:
        # Imported late: it imports an HTTP client.
        from facewire_server.catalogue.pull import pull_missing

        cache = ModelCache(config.cache)
        for model in config.models:
            pull_missing(model, config.precision, cache, mirror=config.mirror)
    return Backend.load(config, cores=cores)


def assigned_cores() -> int | None:
    """How many cores Ray has assigned to this replica, by `num_cpus`; None: it has not."""
    context = ray.get_runtime_context()
    resources: dict[str, float] = context.get_assigned_resources()  # type: ignore[no-untyped-call]
    return math.ceil(resources.get("CPU", 0)) or None
