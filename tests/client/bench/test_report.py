"""The report that is made of a record."""

import json
from dataclasses import replace

import pytest

from tests.client.bench.reports import CLOSED, OPEN, interrupt, made, refuse


def test_the_document_explains_itself() -> None:
    found = json.loads(json.dumps(made(OPEN, 1, 1, change=refuse).document()))
    assert found["settings"] == {
        "server": "host:1",
        "encrypted": False,
        "connections": 1,
        "model": "",
        "loop": "open",
        "rate": 9.5,
        "seed": 3,
        "outstanding": 7,
        "duration_seconds": 2.0,
        "warmup_seconds": 1.0,
        "deadline_ms": 500.0,
        "timeout_seconds": 30.0,
    }
    assert found["started_at"] == "2026-01-02T03:04:05+00:00"
    assert set(found["versions"]) == {"python", "facewire", "grpcio", "protobuf"}
    assert found["model"]["name"] == "nano"
    assert found["model"]["precision"] == "FP32"
    assert found["end_reason"] == "duration"
    assert found["measured_seconds"] == pytest.approx(2.0)


def test_the_document_holds_the_numbers() -> None:
    found = json.loads(json.dumps(made(OPEN, 1, 1, change=refuse).document()))
    assert found["requests"] == {
        "planned": 5,
        "answered": 2,
        "failed": 1,
        "unfinished": 0,
        "unsent": 2,
    }
    assert found["rates"] == pytest.approx({"offered": 2.5, "answered": 1.0, "goodput": 1.0})
    ok, full = found["statuses"]
    assert (ok["code"], ok["count"]) == ("OK", 2)
    assert (full["code"], full["reason"]) == ("RESOURCE_EXHAUSTED", "QUEUE_FULL")
    assert (full["count"], full["message"]) == (1, "it is full")
    names = ["mean", "p50", "p90", "p95", "p99", "p99_9", "max"]
    assert list(found["latency_ms"]) == names
    assert found["latency_ms"]["p50"] == pytest.approx(100)
    assert found["latency_ms"]["max"] == pytest.approx(200)
    assert found["failed_latency_ms"]["max"] == pytest.approx(1)
    assert list(found["send_lag_ms"]) == names
    assert found["stages_ms"]["queue"]["p99"] == pytest.approx(1.5)
    assert found["images"] == [{"name": "photo.jpg", "bytes": 5, "detections": {"1": 2}}]
    assert found["same_detections"] is True
    assert found["client_cpu"]["seconds"] == 0.5
    assert found["client_cpu"]["ms_per_request"] == pytest.approx(500 / 3)
    assert found["limit"] is None


def test_answers_that_differ_are_reported() -> None:
    found = made(CLOSED, 1, 1, 2)
    assert not found.same_detections
    assert found.images[0].detections == {1: 2, 2: 1}


def test_a_cancelled_request_is_unfinished() -> None:
    found = made(replace(CLOSED, warmup=0.0), 1, change=interrupt)
    assert found.requests.unfinished == 1
    assert found.end_reason == "interrupted"


def test_a_run_without_an_answer_has_a_report() -> None:
    found = made(CLOSED)
    assert found.latency_ms is None
    assert found.client_cpu.ms_per_request is None


def test_an_interrupted_warm_up_has_no_rates() -> None:
    found = made(CLOSED, change=lambda record: record.period.interrupt())
    assert (found.rates.offered, found.rates.goodput) == (0.0, 0.0)
