"""`/metrics` over HTTP."""

import socket
import urllib.request

import pytest
from prometheus_client import CollectorRegistry, Counter, make_wsgi_app

from facewire_server.errors import ConfigError
from facewire_server.metrics_server import PAUSE, PatientServer, Silent, serve_metrics


@pytest.fixture
def registry() -> CollectorRegistry:
    made = CollectorRegistry()
    Counter("seen", "Seen.", registry=made).inc(3)
    return made


@pytest.mark.parametrize(
    ("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")]
)
def test_numbers_are_answered_at_addresses_of_both_kinds(
    registry: CollectorRegistry, host: str, shown: str
) -> None:
    port = serve_metrics(registry, host, 0)
    with urllib.request.urlopen(f"http://{shown}:{port}/metrics", timeout=5) as answer:
        assert b"seen_total 3.0" in answer.read()


def test_a_port_that_is_taken_is_named(registry: CollectorRegistry) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"cannot serve metrics on port {port}"):
            serve_metrics(registry, "127.0.0.1", port)


def test_it_waits_when_it_cannot_accept(
    registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("facewire_server.metrics_server.time.sleep", pauses.append)
    server = PatientServer(("127.0.0.1", 0), Silent)
    server.set_app(make_wsgi_app(registry))
    server.server_close()
    with pytest.raises(OSError):
        server.get_request()
    assert pauses == [PAUSE]
