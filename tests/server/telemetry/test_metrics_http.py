"""The port of /metrics, with connections that are slow or do nothing."""

import socket
from threading import Event, Thread, Timer
from threading import enumerate as enumerate_threads
from urllib.request import urlopen
from wsgiref.simple_server import WSGIRequestHandler

import pytest
from prometheus_client import CollectorRegistry, Gauge

from facewire_server.errors import ConfigError
from facewire_server.telemetry import metrics_http
from facewire_server.telemetry.metrics_http import (
    ACCEPT_PAUSE,
    MAX_SCRAPES,
    MetricsServer,
    serve_metrics,
)


@pytest.fixture
def registry() -> CollectorRegistry:
    made = CollectorRegistry()
    Gauge("something", "To see.", registry=made).set(7)
    return made


@pytest.fixture
def port(registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch) -> int:
    """The port of a server that gives each scrape one second."""
    monkeypatch.setattr(metrics_http, "SCRAPE_SECONDS", 1.0)
    return serve_metrics(registry, "127.0.0.1", 0).port


def scrape(port: int, host: str = "127.0.0.1") -> bytes:
    with urlopen(f"http://{host}:{port}/metrics", timeout=60) as answer:
        found: bytes = answer.read()
        return found


@pytest.mark.parametrize(("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")])
def test_a_scrape_is_answered_at_addresses_of_both_kinds(
    registry: CollectorRegistry, host: str, shown: str
) -> None:
    assert b"something 7.0" in scrape(serve_metrics(registry, host, 0).port, shown)


def test_a_name_is_served_at_all_its_addresses(registry: CollectorRegistry) -> None:
    port = serve_metrics(registry, "localhost", 0).port
    for host in "127.0.0.1", "[::1]":
        assert b"something 7.0" in scrape(port, host)


def test_a_port_that_is_taken_is_named(registry: CollectorRegistry) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        text = f"cannot serve metrics on 127.0.0.1:{port}: the port is taken; choose"
        with pytest.raises(ConfigError, match=text):
            serve_metrics(registry, "127.0.0.1", port)


def test_it_pauses_when_it_cannot_accept_a_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(Event, "wait", lambda _, seconds: pauses.append(seconds))
    server = MetricsServer(("127.0.0.1", 0), WSGIRequestHandler)
    server.server_close()
    with pytest.raises(OSError):
        server.get_request()
    assert pauses == [ACCEPT_PAUSE]


def test_a_closed_server_releases_its_port_and_ends_its_threads(
    registry: CollectorRegistry,
) -> None:
    before = set(enumerate_threads())
    server = serve_metrics(registry, "127.0.0.1", 0)
    assert b"something 7.0" in scrape(server.port)
    threads = set(enumerate_threads()) - before
    assert threads
    server.close()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    with socket.create_server(("127.0.0.1", server.port)):
        pass


@pytest.mark.parametrize("kind", ["Thread-", "Timer"])
def test_a_thread_that_cannot_be_started_gives_its_slot_back(
    registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    server = serve_metrics(registry, "127.0.0.1", 0)
    start = Thread.start

    def fail(thread: Thread) -> None:
        if thread.name.startswith("Thread-") and isinstance(thread, Timer) == (kind == "Timer"):
            raise RuntimeError("can't start new thread")
        start(thread)

    with monkeypatch.context() as patch:
        patch.setattr(Thread, "start", fail)
        for _ in range(MAX_SCRAPES + 1):
            with socket.create_connection(("127.0.0.1", server.port)) as caller:
                caller.settimeout(60)
                assert caller.recv(100) == b""
    assert b"something 7.0" in scrape(server.port)
    server.close()


def test_silent_and_slow_connections_are_closed_and_then_scrapes_are_answered(
    port: int,
) -> None:
    held = [socket.create_connection(("127.0.0.1", port)) for _ in range(MAX_SCRAPES)]
    held[0].sendall(b"GET /metrics HTTP/1.1\r\nX: ")
    beyond = socket.create_connection(("127.0.0.1", port))
    for each in (beyond, *held):
        each.settimeout(60)
        assert each.recv(100) == b""
        each.close()
    assert b"something 7.0" in scrape(port)
