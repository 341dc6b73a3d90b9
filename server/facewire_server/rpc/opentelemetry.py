"""Traces by OpenTelemetry: a span for each request and one for each of its stages.

Rule: no other module imports OpenTelemetry. Spans are built when a request has ended,
from times that were measured anyway. They hold sizes, names and counts, never what is
in an image or who sent it.
"""

import asyncio
import os
import threading
import time
from collections.abc import Iterator, Mapping
from functools import partial
from importlib.metadata import version
from typing import Self

import grpc.aio
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.propagate import extract
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, StatusCode, set_span_in_context
from opentelemetry.util.types import AttributeValue

from facewire_server.errors import ConfigError
from facewire_server.rpc.call import Call, Context
from facewire_server.rpc.tracing import Tracing

NANO = 1_000_000_000

FLUSH_SECONDS = 5
"""For the last spans to be sent; a collector that does not answer holds up no end."""

OUR_FAULT = {
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.UNIMPLEMENTED,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DATA_LOSS,
}
"""Codes that make a server's span an error, by OpenTelemetry's conventions."""

SUPPORTED = {
    "OTEL_TRACES_EXPORTER": "otlp",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "grpc",
}
"""Of the variables that choose among exporters, the only value there is."""


class OtelTracing(Tracing):
    """Traces requests whose callers trace them, and others as OTEL_* variables say."""

    def __init__(self, processor: SpanProcessor) -> None:
        """`processor` is given the spans; it is shut down by `close`."""
        self._provider = TracerProvider(resource=_resource(), shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("facewire", version("facewire"))

    @classmethod
    def from_environment(cls) -> Self:
        """Sends spans by OTLP to where the OTEL_* variables say. Raises ConfigError."""
        for name, value in SUPPORTED.items():
            chosen = os.environ.get(name) or value
            if chosen != value:
                raise ConfigError(f"--traces: {name} is {chosen!r}, and can be {value}")
        try:
            return cls(BatchSpanProcessor(OTLPSpanExporter()))
        except Exception as error:  # each variable has one of its own
            raise ConfigError(f"--traces: an OTEL_* variable is wrong: {error}") from error

    def ended(self, call: Call, context: Context, code: grpc.StatusCode) -> None:
        """See Tracing. The spans are built when the answer is on its way."""
        now, took = time.time_ns(), time.monotonic() - call.arrived
        metadata = dict(context.invocation_metadata() or ())
        asyncio.get_running_loop().call_soon(
            partial(self._write, call, code, metadata, now - round(NANO * took), now)
        )

    async def close(self) -> None:
        """See Tracing. Waits for at most FLUSH_SECONDS."""
        # On a thread that nobody waits for when the process ends.
        thread = threading.Thread(target=self._provider.shutdown, daemon=True)
        thread.start()
        await asyncio.to_thread(thread.join, FLUSH_SECONDS)

    def _write(
        self,
        call: Call,
        code: grpc.StatusCode,
        metadata: Mapping[str, str | bytes],
        start: int,
        end: int,
    ) -> None:
        """Writes the spans of a request; times in nanoseconds since 1970."""
        span = self._tracer.start_span(
            f"{call.service}/{call.method}",
            context=extract(metadata),
            kind=SpanKind.SERVER,
            attributes=_attributes(call, code),
            start_time=start,
        )
        if code in OUR_FAULT:
            span.set_status(StatusCode.ERROR)
        if span.is_recording():
            self._write_stages(call, span, start)
        span.end(end)

    def _write_stages(self, call: Call, parent: Span, start: int) -> None:
        """Lays the stages end to end: how long they took is known, not when."""
        context = set_span_in_context(parent)
        for name, seconds in _stages(call):
            span = self._tracer.start_span(name, context=context, start_time=start)
            start += round(NANO * seconds)
            span.end(start)


def _resource() -> Resource:
    """What the OTEL_* variables say, under the name facewire if they give none."""
    found = Resource.create()
    ours = {SERVICE_VERSION: version("facewire")}
    if str(found.attributes[SERVICE_NAME]).startswith("unknown_service"):
        ours[SERVICE_NAME] = "facewire"
    return found.merge(Resource(ours))


def _attributes(call: Call, code: grpc.StatusCode) -> dict[str, AttributeValue]:
    number, _ = code.value
    found: dict[str, AttributeValue] = {
        "rpc.system": "grpc",
        "rpc.service": call.service,
        "rpc.method": call.method,
        "rpc.grpc.status_code": number,
        "facewire.code": code.name,
        "facewire.request_id": call.request_id,
    }
    if call.model:
        found["facewire.model"] = call.model
    if call.reason:
        found["facewire.reason"] = call.reason
    if call.outcome is not None:
        detections = call.outcome.value
        found["facewire.image.width"] = detections.width
        found["facewire.image.height"] = detections.height
        found["facewire.faces"] = len(detections.found.confidences)
    return found


def _stages(call: Call) -> Iterator[tuple[str, float]]:
    """The stages of an answered request, with their seconds."""
    if call.outcome is not None:
        stages = call.outcome.value.stages
        yield "queue", call.outcome.waited
        yield "decode", stages.decode
        yield "inference", stages.inference
        yield "postprocess", stages.postprocess
