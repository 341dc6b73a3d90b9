"""A collector of traces that speaks OTLP over gRPC and keeps what it is sent."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span

SERVICE = "opentelemetry.proto.collector.trace.v1.TraceService"


class Collector:
    """What has come in so far."""

    def __init__(self) -> None:
        self.target = ""
        self.came = threading.Event()
        self.sent: list[ResourceSpans] = []

    @property
    def spans(self) -> list[Span]:
        """All spans, as they came."""
        return [
            span for resource in self.sent for scope in resource.scope_spans for span in scope.spans
        ]

    def export(self, request: ExportTraceServiceRequest, _: object) -> ExportTraceServiceResponse:
        """The one method of the service."""
        self.sent += request.resource_spans
        self.came.set()
        return ExportTraceServiceResponse()


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector on a free port."""
    collector = Collector()
    method = grpc.unary_unary_rpc_method_handler(
        collector.export,
        ExportTraceServiceRequest.FromString,
        ExportTraceServiceResponse.SerializeToString,
    )
    server = grpc.server(ThreadPoolExecutor(2))
    handlers = {"Export": method}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    collector.target = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield collector
    finally:
        server.stop(0).wait()
