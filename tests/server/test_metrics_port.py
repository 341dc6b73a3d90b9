"""The port of /metrics, and those who only want to hold it."""

import socket
from urllib.request import urlopen

import pytest
from prometheus_client import CollectorRegistry, Gauge

from facewire_server import metrics_port
from facewire_server.metrics_port import MAX_SCRAPES, serve_metrics


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> int:
    """Where a metric is served, for a second each."""
    monkeypatch.setattr(metrics_port, "SECONDS", 1.0)
    registry = CollectorRegistry()
    Gauge("something", "To see.", registry=registry).set(7)
    return serve_metrics(registry, "127.0.0.1", 0)


def scrape(port: int) -> bytes:
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
        found: bytes = answer.read()
        return found


def test_a_scrape_is_answered(port: int) -> None:
    assert b"something 7.0" in scrape(port)


def test_who_says_nothing_or_drips_is_hung_up_on_and_then_scrapes_go_on(
    port: int,
) -> None:
    held = [socket.create_connection(("127.0.0.1", port)) for _ in range(MAX_SCRAPES)]
    held[0].sendall(b"GET /metrics HTTP/1.1\r\nX: ")
    beyond = socket.create_connection(("127.0.0.1", port))
    for each in (beyond, *held):
        each.settimeout(20)
        assert each.recv(100) == b""
        each.close()
    assert b"something 7.0" in scrape(port)
