"""The metrics of a running server, as Prometheus reads them."""

from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import pytest

from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_server.errors import Reason
from facewire_server.inference.detector import Detections, Stages
from facewire_server.inference.heads.base import Found
from facewire_server.lifecycle.background import BackgroundServer
from facewire_server.models.description import Description
from facewire_server.telemetry.metrics import BUCKETS, Metrics
from tests.server.scrape import scrape

MODEL = "face-detection-nano"
DESCRIPTION = Description(
    name=MODEL,
    labels=("face",),
    head="",
    resize="standard",
    input_width=320,
    input_height=320,
    device="CPU",
    precision="FP32",
    sha256="0" * 64,
    min_confidence=0.5,
    iou_threshold=0.5,
)


def grown(before: dict[str, float], after: dict[str, float], name: str) -> float:
    return after[name] - before.get(name, 0.0)


def test_a_request_is_counted_with_its_stages_and_detections(
    server: BackgroundServer, stub: DetectServiceStub, photo: bytes
) -> None:
    before = scrape(server)
    stub.Detect(pb.DetectRequest(encoded_image=photo), timeout=30)
    after = scrape(server)
    labels = f'method="Detect",model="{MODEL}"'
    total = f'facewire_requests_total{{code="OK",{labels}}}'
    assert grown(before, after, total) == 1
    assert grown(before, after, f"facewire_request_seconds_count{{{labels}}}") == 1
    for stage in ("queue", "decode", "inference", "postprocess"):
        count = f'facewire_stage_seconds_count{{model="{MODEL}",stage="{stage}"}}'
        assert grown(before, after, count) == 1
    detections = f'facewire_detections_total{{model="{MODEL}"}}'
    assert grown(before, after, detections) == 1
    assert after["facewire_inflight_requests"] == 0
    assert after["facewire_queue_depth"] == 0


def test_a_refusal_is_counted_by_its_reason(
    server: BackgroundServer, stub: DetectServiceStub
) -> None:
    before = scrape(server)
    with pytest.raises(grpc.RpcError):
        stub.Detect(pb.DetectRequest(model="made up by a caller"), timeout=30)
    after = scrape(server)
    rejected = 'facewire_rejected_total{reason="UNKNOWN_MODEL"}'
    assert grown(before, after, rejected) == 1
    assert not any("made up" in name for name in after)


def test_the_loaded_model_is_named(server: BackgroundServer) -> None:
    (info,) = [name for name in scrape(server) if name.startswith("facewire_model_inf")]
    assert f'model="{MODEL}"' in info
    assert 'device="CPU"' in info


def test_every_reason_begins_at_zero() -> None:
    registry = Metrics().registry
    for reason in Reason:
        labels = {"reason": reason.value}
        assert registry.get_sample_value("facewire_rejected_total", labels) == 0


def test_the_buckets_reach_from_half_a_millisecond_to_half_a_minute() -> None:
    assert BUCKETS[0] == 0.0005
    assert BUCKETS[-1] == 30
    assert list(BUCKETS) == sorted(set(BUCKETS))


def test_nothing_is_lost_when_many_threads_count(times: int = 2000) -> None:
    metrics = Metrics()
    found = Found(
        np.zeros((3, 4), np.float32),
        np.zeros(3, np.float32),
        np.zeros(3, np.int32),
        None,
    )
    detections = Detections(DESCRIPTION, found, 8, 8, Stages(0.25, 0.5, 0.125))

    def count(_: int) -> None:
        metrics.answered(detections, 1.0)
        metrics.rejected(Reason.QUEUE_FULL)
        metrics.finished("Detect", MODEL, "OK", 2.0)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(count, range(times)))

    def value(name: str, **labels: str) -> float | None:
        return metrics.registry.get_sample_value(f"facewire_{name}", labels)

    assert value("requests_total", method="Detect", model=MODEL, code="OK") == times
    assert value("rejected_total", reason="QUEUE_FULL") == times
    assert value("detections_total", model=MODEL) == 3 * times
    assert value("request_seconds_sum", method="Detect", model=MODEL) == 2 * times
    stages = {"queue": 1.0, "decode": 0.25, "inference": 0.5, "postprocess": 0.125}
    for stage, seconds in stages.items():
        labels = {"stage": stage, "model": MODEL}
        assert value("stage_seconds_count", **labels) == times
        assert value("stage_seconds_sum", **labels) == seconds * times
