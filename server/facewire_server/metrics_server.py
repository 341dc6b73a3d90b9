"""`/metrics` over HTTP, on a thread of its own."""

import socket
import threading
import time
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import ThreadingWSGIServer, make_wsgi_app

from facewire_server.errors import ConfigError

PAUSE = 1.0
"""Seconds until a connection that could not be accepted is tried again."""


def serve_metrics(registry: CollectorRegistry, host: str, port: int) -> int:
    """Answers `/metrics` on a thread of its own; returns the port, for 0 a free one.

    Raises ConfigError when the port cannot be had.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        server = make_server(
            str(address[0]),
            port,
            make_wsgi_app(registry),
            PatientServer if family == socket.AF_INET else PatientServer6,
            Silent,
        )
    except OSError as error:
        raise ConfigError(
            f"cannot serve metrics on port {port}: {error.strerror}; choose"
            " another with --metrics-port, or off"
        ) from None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return int(server.server_port)


class PatientServer(ThreadingWSGIServer):
    """Waits when it cannot accept what has connected.

    The library's own would try again at once: without file descriptors that takes all
    of a core, from the requests too.
    """

    def get_request(self) -> tuple[Any, Any]:
        """A connection and its address. Raises OSError."""
        try:
            return super().get_request()
        except OSError:
            time.sleep(PAUSE)
            raise


class PatientServer6(PatientServer):
    """The same with an address of IPv6."""

    address_family = socket.AF_INET6


class Silent(WSGIRequestHandler):
    """Does not log what is asked."""

    def log_message(self, format: str, *args: object) -> None:
        """Drops it."""
