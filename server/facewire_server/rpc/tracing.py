"""Traces of requests: a span for each request and one for each of its stages.

Rule: OpenTelemetry is imported only here, and only with --traces: hence the imports
inside functions. Spans are built after a request has ended, from times that are
measured anyway. They hold sizes, names and counts, never image data, peers or tokens.
"""

import asyncio
import os
import threading
import time
from collections.abc import Iterator, Mapping
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Self

import grpc.aio

from facewire_server.errors import ConfigError
from facewire_server.rpc.call import Call

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.trace import Span
    from opentelemetry.util.types import AttributeValue

NANO = 1_000_000_000

FLUSH_SECONDS = 5
"""Seconds for the last spans to be sent: a silent collector must not delay the exit."""

ERRORS = {
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.UNIMPLEMENTED,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DATA_LOSS,
}
"""Codes that make a server's span an error, by OpenTelemetry's conventions for gRPC."""

SUPPORTED = {
    "OTEL_TRACES_EXPORTER": "otlp",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "grpc",
}
"""Variables that choose an exporter, each with the one value that is supported."""


def open_tracing(wanted: bool) -> "Tracing | None":
    """Return the exporter of spans; None unless `wanted`.

    Raises ConfigError when OpenTelemetry is not installed, and for OTEL_* variables that
    are wrong or ask for what is not supported.
    """
    if not wanted:
        return None
    try:
        return Tracing.from_environment()
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"--traces: {error.name} is not installed; it needs more packages:"
            " pip install 'facewire[server,otel]'"
        ) from None
    except ConfigError:
        raise
    except Exception as error:  # of various types, some of them raised by the imports
        raise ConfigError(f"--traces: an OTEL_* variable is wrong: {error}") from error


class Tracing:
    """Traces requests whose callers are traced, and others as OTEL_* variables say."""

    def __init__(self, processor: "SpanProcessor") -> None:
        """`processor` gets the spans; `close` shuts it down."""
        # Reads OTEL_PROPAGATORS as it is imported: here, for its error to come at the start.
        from opentelemetry.propagate import extract
        from opentelemetry.sdk.trace import TracerProvider

        self._extract = extract
        self._provider = TracerProvider(resource=_resource(), shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("facewire", version("facewire"))

    @classmethod
    def from_environment(cls) -> Self:
        """Send spans by OTLP to the address in the OTEL_* variables. Raises ConfigError."""
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        for name, value in SUPPORTED.items():
            chosen = os.environ.get(name) or value
            if chosen != value:
                raise ConfigError(f"--traces: {name} is {chosen!r}, and can be {value}")
        return cls(BatchSpanProcessor(OTLPSpanExporter()))

    def ended(self, call: Call, code: grpc.StatusCode) -> None:
        """Record a request that has just ended. Called on the event loop.

        The spans are built after the answer was handed to gRPC.
        """
        now, seconds = time.time_ns(), time.monotonic() - call.arrived
        metadata = dict(call.context.invocation_metadata() or ())
        asyncio.get_running_loop().call_soon(
            partial(self._write, call, code, metadata, now - round(NANO * seconds), now)
        )

    async def close(self) -> None:
        """Send what is not sent yet. Takes at most FLUSH_SECONDS."""
        # A daemon thread, since `shutdown` may wait for a collector for much longer.
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
        """Write the spans of a request; times in nanoseconds since 1970."""
        from opentelemetry.trace import SpanKind, StatusCode

        span = self._tracer.start_span(
            f"{call.service}/{call.method}",
            context=self._extract(metadata),
            kind=SpanKind.SERVER,
            attributes=_attributes(call, code),
            start_time=start,
        )
        if code in ERRORS:
            span.set_status(StatusCode.ERROR)
        if span.is_recording():
            self._write_stages(call, span, start)
        span.end(end)

    def _write_stages(self, call: Call, parent: "Span", start: int) -> None:
        """Write a span for each stage, end to end: only their durations are measured."""
        from opentelemetry.trace import set_span_in_context

        context = set_span_in_context(parent)
        for name, seconds in _stages(call):
            span = self._tracer.start_span(name, context=context, start_time=start)
            start += round(NANO * seconds)
            span.end(start)


def _resource() -> "Resource":
    """Describe this service by the OTEL_* variables; its name is facewire by default."""
    from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource

    found = Resource.create()
    ours = {SERVICE_VERSION: version("facewire")}
    if str(found.attributes[SERVICE_NAME]).startswith("unknown_service"):
        ours[SERVICE_NAME] = "facewire"
    return found.merge(Resource(ours))


def _attributes(call: Call, code: grpc.StatusCode) -> dict[str, "AttributeValue"]:
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
    if call.cached:
        found["facewire.cached"] = True
    return found


def _stages(call: Call) -> Iterator[tuple[str, float]]:
    """The stages that an answered request passed, with their seconds."""
    if call.outcome is None:
        return
    yield "queue", call.outcome.waited
    if not call.cached:
        stages = call.outcome.value.stages
        yield "decode", stages.decode
        yield "inference", stages.inference
        yield "postprocess", stages.postprocess
