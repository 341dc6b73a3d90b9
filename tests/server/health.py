"""grpc.health.v1 as tests ask it; the types of its generated stub lack the methods."""

from collections.abc import Iterator

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

SERVING = HealthCheckResponse.SERVING
NOT_SERVING = HealthCheckResponse.NOT_SERVING


def check(channel: grpc.Channel, service: str = "", timeout: float = 60) -> int:
    """The status of a service; empty: of the server."""
    call = channel.unary_unary(
        "/grpc.health.v1.Health/Check",
        HealthCheckRequest.SerializeToString,
        HealthCheckResponse.FromString,
    )
    answer: HealthCheckResponse = call(HealthCheckRequest(service=service), timeout=timeout)
    return answer.status


def watch(channel: grpc.Channel, service: str = "") -> Iterator[int]:
    """The status of a service, and each one that follows."""
    call = channel.unary_stream(
        "/grpc.health.v1.Health/Watch",
        HealthCheckRequest.SerializeToString,
        HealthCheckResponse.FromString,
    )
    for answer in call(HealthCheckRequest(service=service), timeout=300):
        yield answer.status
