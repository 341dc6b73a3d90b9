"""The numbers of a running server, as Prometheus reads them."""

import urllib.request

import grpc
import pytest

from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_server.service.background import BackgroundServer

MODEL = "face-detection-nano"


def scrape(server: BackgroundServer) -> dict[str, float]:
    url = f"http://127.0.0.1:{server.metrics_port}/metrics"
    with urllib.request.urlopen(url, timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    rows = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in rows}


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
