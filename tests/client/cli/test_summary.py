"""The summary of a report for people."""

from dataclasses import replace

from facewire_client.bench.limit import Limit
from facewire_client.cli.summary import summary
from tests.client.bench.reports import CLOSED, OPEN, interrupt, made, refuse


def test_the_summary_has_the_numbers_of_the_report() -> None:
    text = summary(made(OPEN, 1, 1, change=refuse))
    assert "9.5 requests/s, Poisson, seed 3, 1 connection" in text
    assert "host:1, nano 0123456789ab FP32, 320x240, CPU" in text
    assert "5 planned, 2 answered, 1 failed, 2 unsent" in text
    assert "1.0 requests/s, within 500 ms" in text
    lines = [line.split() for line in text.splitlines()]
    assert ["ms", "mean", "p50", "p90", "p95", "p99", "p99.9", "max"] in lines
    assert ["latency", "150.00", "100.00", *["200.00"] * 5] in lines
    assert ["server:", "queue", *["1.50"] * 7] in lines
    assert ["RESOURCE_EXHAUSTED", "QUEUE_FULL", "1", "it", "is", "full"] in lines


def test_the_send_lag_is_shown_for_an_open_loop_only() -> None:
    assert "sent late by" in summary(made(OPEN, 1))
    assert "sent late by" not in summary(made(CLOSED, 1))


def test_the_ratio_to_the_limit_is_shown() -> None:
    limit = Limit("nano.xml", "throughput", 200.0, 5.25, 0.91, "2026.1", ("-m", "x"))
    found = replace(made(CLOSED, 1), limit=limit)
    assert found.document()["limit"]["ratio"] == 0.91
    assert "0.910 x benchmark_app, throughput hint: 200.0 inferences/s" in summary(found)


def test_answers_that_differ_stand_out() -> None:
    assert "detections: 1 or 2 (answers differ)" in summary(made(CLOSED, 1, 2))


def test_an_interruption_is_shown() -> None:
    found = made(replace(CLOSED, warmup=0.0), 1, change=interrupt)
    assert "interrupted after 0.0 s" in summary(found)


def test_a_run_without_an_answer_has_a_summary() -> None:
    assert "0 planned, 0 answered" in summary(made(CLOSED))
