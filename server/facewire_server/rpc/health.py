"""The servicer of grpc.health.v1: whether the server, its service and each model take calls.

Rule: a service that is not ready is NOT_SERVING, from the start of the server to its end.
The owner of the servicer sets each change, and setting never waits for watchers.
"""

import asyncio
from collections.abc import Iterable
from typing import Literal

import grpc.aio
from grpc_health.v1 import health, health_pb2_grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from facewire.inference.v2 import open_inference_pb2
from facewire.v1 import detect_pb2
from facewire_server.config import TransportLimits
from facewire_server.errors import Reason, RefusalError, RequestError

SERVICE = detect_pb2.DESCRIPTOR.services_by_name["DetectService"].full_name
OPEN_INFERENCE = open_inference_pb2.DESCRIPTOR.services_by_name["GRPCInferenceService"].full_name

PROBES = ("ServerLive", "ServerReady", "ModelReady")
"""The methods of OPEN_INFERENCE that are health checks."""

Status = Literal[0, 1, 2, 3]
"""A HealthCheckResponse.ServingStatus."""

Context = grpc.aio.ServicerContext[HealthCheckRequest, HealthCheckResponse]


class Health(health_pb2_grpc.HealthServicer):
    """The health of `""`, of SERVICE, of SERVICE/MODEL for each model, and of OPEN_INFERENCE.

    For any other name Check ends with NOT_FOUND and Watch sends SERVICE_UNKNOWN, as the
    protocol says. Watch sends the latest status, and skips those that came and went while
    its peer took none. Runs on the server's event loop.
    """

    def __init__(self, models: Iterable[str], limits: TransportLimits) -> None:
        """`models`: the names of the models to serve."""
        names = [health.OVERALL_HEALTH, SERVICE, OPEN_INFERENCE]
        names += [f"{SERVICE}/{model}" for model in models]
        self._statuses: dict[str, Status] = dict.fromkeys(names, HealthCheckResponse.NOT_SERVING)
        self._unloaded: set[str] = set()
        self._watchers: set[asyncio.Event] = set()
        self._send_seconds = limits.stream_idle_seconds
        self._idle_seconds = limits.watch_idle_seconds
        self._ended = False
        self._closed = False

    def serving(self) -> None:
        """Set every status to SERVING; does nothing after `end`."""
        if not self._ended:
            self._set_all(HealthCheckResponse.SERVING)

    def not_serving(self) -> None:
        """Set every status to NOT_SERVING."""
        self._set_all(HealthCheckResponse.NOT_SERVING)

    def end(self) -> None:
        """Set every status to NOT_SERVING for good."""
        self._ended = True
        self.not_serving()

    def set_loaded(self, model: str, loaded: bool) -> None:
        """Note that a model was loaded or unloaded: an unloaded one is NOT_SERVING."""
        name, overall = f"{SERVICE}/{model}", self._statuses[health.OVERALL_HEALTH]
        (self._unloaded.discard if loaded else self._unloaded.add)(name)
        self._statuses[name] = overall if loaded else HealthCheckResponse.NOT_SERVING
        self._wake_watchers()

    def close(self) -> None:
        """End all watches, each after its peer has taken the last status."""
        self._closed = True
        self._wake_watchers()

    @property
    def is_serving(self) -> bool:
        """Whether the server takes requests."""
        return self._statuses[health.OVERALL_HEALTH] == HealthCheckResponse.SERVING

    async def Check(self, request: HealthCheckRequest, context: Context) -> HealthCheckResponse:
        """Return the status of a service; ends with NOT_FOUND for an unknown name."""
        status = self._statuses.get(request.service)
        if status is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no service of this name")
        return HealthCheckResponse(status=status)

    async def Watch(self, request: HealthCheckRequest, context: Context) -> None:
        """Send the status of a service, and each one that follows.

        Raises RequestError (STREAM_IDLE) for a peer that takes no status, and after a long
        time without a change; RefusalError (SHUTTING_DOWN) when the server stops.
        """
        changed = asyncio.Event()
        self._watchers.add(changed)
        sent: Status | None = None
        try:
            while True:
                changed.clear()
                status = self._status(request.service)
                if status != sent:
                    await self._send(context, status)
                    sent = status
                elif self._closed:
                    raise RefusalError(Reason.SHUTTING_DOWN, "the server stops")
                else:
                    await self._wait_for(changed)
        finally:
            self._watchers.discard(changed)

    def _status(self, service: str) -> Status:
        return self._statuses.get(service, HealthCheckResponse.SERVICE_UNKNOWN)

    async def _send(self, context: Context, status: Status) -> None:
        """Send one status. Raises RequestError when the peer does not take it.

        By the flow control of HTTP/2 a peer says how much it takes, and it may stay silent.
        """
        try:
            async with asyncio.timeout(self._send_seconds or None):
                await context.write(HealthCheckResponse(status=status))
        except TimeoutError:
            raise RequestError(
                Reason.STREAM_IDLE,
                f"the client has taken no status for {self._send_seconds:g} s",
            ) from None
        except grpc.aio.InternalError:
            # The peer has hung up. A send in progress fails before the task is cancelled.
            raise asyncio.CancelledError from None

    async def _wait_for(self, changed: asyncio.Event) -> None:
        """Wait for a change. Raises RequestError when none comes within `watch_idle_seconds`."""
        try:
            async with asyncio.timeout(self._idle_seconds or None):
                await changed.wait()
        except TimeoutError:
            raise RequestError(
                Reason.STREAM_IDLE,
                f"there was nothing to tell for {self._idle_seconds:g} s",
            ) from None

    def _set_all(self, status: Status) -> None:
        self._statuses = dict.fromkeys(self._statuses, status)
        self._statuses |= dict.fromkeys(self._unloaded, HealthCheckResponse.NOT_SERVING)
        self._wake_watchers()

    def _wake_watchers(self) -> None:
        for changed in self._watchers:
            changed.set()
