"""grpc.health.v1: whether the server, its service and each of its models take calls.

Rule: what is not ready to answer is NOT_SERVING, from the first moment to the last.
It is told what holds and finds out nothing by itself; and whoever tells it never waits
for those who listen.
"""

import asyncio
from collections.abc import Iterable
from typing import Literal

import grpc.aio
from grpc_health.v1 import health, health_pb2_grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from facewire.v1 import detect_pb2
from facewire_server.config import TransportLimits
from facewire_server.errors import Reason, RefusalError, RequestError

SERVICE = detect_pb2.DESCRIPTOR.services_by_name["DetectService"].full_name

Status = Literal[0, 1, 2, 3]
"""A HealthCheckResponse.ServingStatus."""

Context = grpc.aio.ServicerContext[HealthCheckRequest, HealthCheckResponse]


class Health(health_pb2_grpc.HealthServicer):
    """The health of `""`, of SERVICE, and of SERVICE/MODEL for each model.

    A check of any other name ends with NOT_FOUND, and a watch says SERVICE_UNKNOWN,
    as the standard has it. A watch tells the newest status; of those that came and
    went while its peer took none it says nothing. Runs on the server's event loop.
    """

    def __init__(self, models: Iterable[str], limits: TransportLimits) -> None:
        """`models` are the names of those that are to be served."""
        names = [health.OVERALL_HEALTH, SERVICE]
        names += [f"{SERVICE}/{model}" for model in models]
        self._statuses: dict[str, Status] = dict.fromkeys(names, HealthCheckResponse.NOT_SERVING)
        self._watchers: set[asyncio.Event] = set()
        self._take_seconds = limits.stream_idle_seconds
        self._idle_seconds = limits.watch_idle_seconds
        self._ended = False
        self._closed = False

    def add_to(self, server: grpc.aio.Server) -> None:
        """Has a server answer for it."""
        health_pb2_grpc.add_HealthServicer_to_server(self, server)

    def serving(self) -> None:
        """Says that everything takes calls; after `end` nothing does any more."""
        if not self._ended:
            self._set_all(HealthCheckResponse.SERVING)

    def not_serving(self) -> None:
        """Says that nothing takes calls now."""
        self._set_all(HealthCheckResponse.NOT_SERVING)

    def end(self) -> None:
        """Says that nothing will take calls any more."""
        self._ended = True
        self.not_serving()

    def close(self) -> None:
        """Ends all watches, each when its peer has taken the last status."""
        self._closed = True
        self._wake_watchers()

    async def Check(self, request: HealthCheckRequest, context: Context) -> HealthCheckResponse:
        """The status of a service; NOT_FOUND for one of no known name."""
        status = self._statuses.get(request.service)
        if status is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no service of this name")
        return HealthCheckResponse(status=status)

    async def Watch(self, request: HealthCheckRequest, context: Context) -> None:
        """The status of a service, and each one that follows.

        Raises RequestError (STREAM_IDLE) for a peer that takes no status, and when
        there was none to tell for long; RefusalError when the server stops.
        """
        changed = asyncio.Event()
        self._watchers.add(changed)
        told: Status | None = None
        try:
            while True:
                changed.clear()
                status = self._status(request.service)
                if status != told:
                    await self._tell(context, status)
                    told = status
                elif self._closed:
                    raise RefusalError(Reason.SHUTTING_DOWN, "the server stops")
                else:
                    await self._next(changed)
        finally:
            self._watchers.discard(changed)

    def _status(self, service: str) -> Status:
        return self._statuses.get(service, HealthCheckResponse.SERVICE_UNKNOWN)

    async def _tell(self, context: Context, status: Status) -> None:
        """Sends one status. Raises RequestError when the peer does not take it.

        HTTP/2 has the peer say how much it takes, and it may say nothing: so nobody
        else waits for this.
        """
        try:
            async with asyncio.timeout(self._take_seconds or None):
                await context.write(HealthCheckResponse(status=status))
        except TimeoutError:
            raise RequestError(
                Reason.STREAM_IDLE,
                f"the client has taken no status for {self._take_seconds:g} s",
            ) from None
        except grpc.aio.InternalError:
            # It has hung up meanwhile, which gRPC says of what is being sent first.
            raise asyncio.CancelledError from None

    async def _next(self, changed: asyncio.Event) -> None:
        """Waits for something to tell. Raises RequestError when nothing comes."""
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
        self._wake_watchers()

    def _wake_watchers(self) -> None:
        for changed in self._watchers:
            changed.set()
