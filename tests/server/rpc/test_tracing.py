"""Traces: the attributes and the parent of a span, and that none are made by default."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import grpc
import pytest
from opentelemetry.exporter.otlp.proto.grpc import trace_exporter
from opentelemetry.sdk.trace import ReadableSpan, export
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_server.config import Config
from facewire_server.errors import ConfigError
from facewire_server.lifecycle.background import BackgroundServer
from facewire_server.rpc import converters
from facewire_server.rpc.tracing import open_tracing
from tests.server.collector import collecting
from tests.server.process import command, connected

STAGES = ["queue", "decode", "inference", "postprocess"]
TRACE, PARENT = 0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331
Metadata = tuple[tuple[str, str], ...]
TRACED: Metadata = (("traceparent", f"00-{TRACE:032x}-{PARENT:016x}-01"),)
NOT_TRACED: Metadata = (("traceparent", f"00-{TRACE:032x}-{PARENT:016x}-00"),)

Spans = Callable[[], list[ReadableSpan]]


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Spans:
    """The spans of servers that have ended, in the order in which they ended."""
    exporter = InMemorySpanExporter()
    monkeypatch.setattr(export, "BatchSpanProcessor", SimpleSpanProcessor)
    monkeypatch.setattr(trace_exporter, "OTLPSpanExporter", lambda: exporter)
    return lambda: list(exporter.get_finished_spans())


@contextmanager
def serving(**settings: Any) -> Iterator[DetectServiceStub]:
    config = Config(port=0, metrics_port=None, traces=True, **settings)
    with (
        BackgroundServer(config) as server,
        grpc.insecure_channel(server.target) as channel,
    ):
        yield DetectServiceStub(channel)


def test_a_request_is_a_span_with_one_for_each_stage(spans: Spans, photo: bytes) -> None:
    with serving() as stub:
        request = pb.DetectRequest(encoded_image=photo)
        stub.Detect(request, timeout=30, metadata=(("x-request-id", "mine"),))
    *stages, whole = spans()
    assert whole.name == "facewire.v1.DetectService/Detect"
    assert whole.kind is SpanKind.SERVER
    assert whole.parent is None
    assert whole.status.is_unset
    assert whole.resource.attributes["service.name"] == "facewire"
    assert dict(whole.attributes or {}) == {
        "rpc.system": "grpc",
        "rpc.service": "facewire.v1.DetectService",
        "rpc.method": "Detect",
        "rpc.grpc.status_code": 0,
        "facewire.code": "OK",
        "facewire.request_id": "mine",
        "facewire.model": "face-detection-nano",
        "facewire.image.width": 512,
        "facewire.image.height": 512,
        "facewire.faces": 1,
    }
    assert [span.name for span in stages] == STAGES
    times = [(span.start_time or 0, span.end_time or 0) for span in stages]
    assert times[0][0] == whole.start_time
    assert all(before[1] == after[0] for before, after in pairwise(times))
    assert times[-1][1] <= (whole.end_time or 0)


def test_the_span_of_a_kept_answer_says_so_and_no_work_follows_its_queue(
    spans: Spans, photo: bytes
) -> None:
    with serving(response_cache_mb=1) as stub:
        for _ in range(2):
            stub.Detect(pb.DetectRequest(encoded_image=photo), timeout=30)
    *_, queue, whole = spans()
    assert [span.name for span in spans()[:-2]] == [*STAGES, whole.name]
    assert queue.name == "queue"
    assert (whole.attributes or {})["facewire.cached"] is True


def test_spans_are_children_of_the_callers(spans: Spans, photo: bytes) -> None:
    with serving() as stub:
        request = pb.DetectRequest(encoded_image=photo)
        stub.Detect(request, timeout=30, metadata=TRACED)
    *stages, whole = spans()
    assert {span.context.trace_id for span in spans()} == {TRACE}
    assert whole.parent is not None
    assert whole.parent.span_id == PARENT
    assert len(stages) == len(STAGES)
    for span in stages:
        assert span.parent is not None
        assert span.parent.span_id == whole.context.span_id


@pytest.mark.parametrize(
    ("metadata", "count"), [(NOT_TRACED, 0), ((("traceparent", "00-x-01"),), 5)]
)
def test_the_caller_decides_about_traces_and_a_header_that_is_wrong_is_ignored(
    spans: Spans, photo: bytes, metadata: Metadata, count: int
) -> None:
    with serving() as stub:
        request = pb.DetectRequest(encoded_image=photo)
        stub.Detect(request, timeout=30, metadata=metadata)
    assert len(spans()) == count


def test_each_frame_of_a_stream_is_a_span_and_an_error_has_its_reason(
    spans: Spans, photo: bytes
) -> None:
    frames = [
        pb.DetectStreamRequest(request=pb.DetectRequest(encoded_image=image))
        for image in (photo, b"no image")
    ]
    with serving() as stub:
        list(stub.DetectStream(iter(frames), timeout=30, metadata=TRACED))
    found = [span for span in spans() if span.kind is SpanKind.SERVER]
    errors = {
        (each["facewire.code"], each.get("facewire.reason"))
        for each in (span.attributes or {} for span in found)
    }
    assert errors == {("OK", None), ("INVALID_ARGUMENT", "UNSUPPORTED_FORMAT")}
    assert {span.name.rpartition("/")[2] for span in found} == {"DetectStream"}
    assert {span.parent and span.parent.span_id for span in found} == {PARENT}
    assert {span.status.status_code for span in found} == {StatusCode.UNSET}


def test_the_span_of_a_refused_call_has_no_token(spans: Spans, tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    path.write_text("s3cret")
    wrong = ("authorization", "Bearer s3cret2")
    with serving(token_file=path) as stub, pytest.raises(grpc.RpcError):
        stub.ListModels(pb.ListModelsRequest(), timeout=30, metadata=(*TRACED, wrong))
    (span,) = spans()
    assert span.name == "facewire.v1.DetectService/ListModels"
    assert (span.attributes or {})["facewire.reason"] == "BAD_TOKEN"
    assert span.status.is_unset
    assert "s3cret" not in span.to_json()


def test_an_unforeseen_error_is_an_error_of_its_span(
    spans: Spans, photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(converters, "response", None)
    with serving() as stub, pytest.raises(grpc.RpcError):
        stub.Detect(pb.DetectRequest(encoded_image=photo), timeout=30)
    whole = spans()[-1]
    assert whole.status.status_code is StatusCode.ERROR
    assert (whole.attributes or {})["facewire.code"] == "INTERNAL"


def test_the_variables_give_the_address_for_spans_and_the_name_of_the_service(
    photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with collecting() as collector:
        endpoint = f"http://{collector.target}"
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        monkeypatch.setenv("OTEL_SERVICE_NAME", "doorbell")
        with connected("--traces") as (process, channel):
            request = pb.DetectRequest(encoded_image=photo)
            DetectServiceStub(channel).Detect(request, metadata=TRACED, timeout=30)
            process.terminate()
            assert process.wait(30) == 0
        names = [span.name for span in collector.spans]
        assert sorted(names) == sorted([*STAGES, "facewire.v1.DetectService/Detect"])
        values = [
            each.value.string_value
            for each in collector.sent[0].resource.attributes
            if each.key == "service.name"
        ]
        assert values == ["doorbell"]


def test_a_missing_collector_delays_neither_requests_nor_the_exit(
    photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    with connected("--traces") as (process, channel):
        request = pb.DetectRequest(encoded_image=photo)
        DetectServiceStub(channel).Detect(request, timeout=30)
        process.terminate()
        assert process.wait(30) == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_TRACES_EXPORTER", "zipkin"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zip"),
    ],
)
def test_a_variable_that_asks_for_what_is_not_supported_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match="--traces: .*OTEL_"):
        open_tracing(True)


def test_without_the_packages_it_says_what_to_type(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    for name in [each for each in sys.modules if each.startswith("opentelemetry.")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ConfigError, match=r"pip install 'facewire\[server,otel\]'"):
        open_tracing(True)


def test_a_server_that_traces_nothing_does_not_import_opentelemetry() -> None:
    code = """
import sys
from facewire_server.config import Config
from facewire_server.lifecycle.background import BackgroundServer
with BackgroundServer(Config(port=0, metrics_port=None)):
    print(any(name.startswith("opentelemetry") for name in sys.modules))
"""
    done = subprocess.run([command()[0], "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout == "False\n"
