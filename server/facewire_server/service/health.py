"""grpc.health.v1: whether the server, its service and each of its models take calls.

Rule: what is not ready to answer is NOT_SERVING, from the first moment to the last.
It is told what holds and finds out nothing by itself.
"""

from collections.abc import Iterable
from typing import Literal

import grpc.aio
from grpc_health.v1 import health, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from grpc_health.v1.health_pb2 import HealthCheckResponse

from facewire.v1 import detect_pb2

SERVICE = detect_pb2.DESCRIPTOR.services_by_name["DetectService"].full_name

Status = Literal[0, 1, 2, 3]
"""A HealthCheckResponse.ServingStatus."""


class Health:
    """The health of `""`, of SERVICE, and of SERVICE/MODEL for each model.

    A check of any other name ends with NOT_FOUND, and a watch says SERVICE_UNKNOWN,
    as the standard has it.
    """

    def __init__(self, models: Iterable[str]) -> None:
        """`models` are the names of those that are to be served."""
        self._servicer = HealthServicer()
        self._services = [health.OVERALL_HEALTH, SERVICE]
        self._services += [f"{SERVICE}/{model}" for model in models]

    def add_to(self, server: grpc.aio.Server) -> None:
        """Has a server answer for it."""
        health_pb2_grpc.add_HealthServicer_to_server(self._servicer, server)

    async def serving(self) -> None:
        """Says that everything takes calls; after `end` nothing does any more."""
        await self._set(HealthCheckResponse.SERVING)

    async def not_serving(self) -> None:
        """Says that nothing takes calls now."""
        await self._set(HealthCheckResponse.NOT_SERVING)

    async def end(self) -> None:
        """Says that nothing will take calls any more."""
        await self._servicer.enter_graceful_shutdown()

    async def _set(self, status: Status) -> None:
        for service in self._services:
            await self._servicer.set(service, status)
