"""The port of `/metrics`: plain HTTP, for a few scrapers that are quick.

Rule: whoever connects holds one of few threads, for a short time, and never one that
answers requests.
"""

import socket
from dataclasses import dataclass
from socketserver import ThreadingMixIn
from threading import BoundedSemaphore, Event, Thread, Timer
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import make_wsgi_app

from facewire_server.errors import ConfigError
from facewire_server.system.addresses import endpoints, listen_error

MAX_SCRAPES = 4
"""How many are answered at a time; who comes beyond is hung up on."""

SECONDS = 5.0
"""For a scrape, from connecting to the last byte of its answer."""

PAUSE = 1.0
"""Seconds until a connection that could not be accepted is tried again."""


def serve_metrics(registry: CollectorRegistry, host: str, port: int) -> "MetricsPort":
    """Answers `/metrics` at all addresses of a host, on threads of its own.

    Port 0: a free one. Raises ConfigError when it cannot be had.
    """
    servers = list[MetricsServer]()
    try:
        ips, found = endpoints(host, port)
        for ip in ips:
            server = _server(registry, ip, found)
            servers.append(server)
            found = server.server_port
    except OSError as error:
        for server in servers:
            server.server_close()
        words = listen_error("serve metrics", host, port, error)
        hint = "choose another with --metrics-port, or off"
        raise ConfigError(f"{words}; {hint}") from None
    for server in servers:
        Thread(target=server.serve, name="metrics", daemon=True).start()
    return MetricsPort(found, tuple(servers))


def _server(registry: CollectorRegistry, ip: str, port: int) -> "MetricsServer":
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    server_class = type("_FamilyServer", (MetricsServer,), {"address_family": family})
    server: MetricsServer = make_server(ip, port, make_wsgi_app(registry), server_class, _Handler)
    return server


@dataclass(frozen=True, slots=True)
class MetricsPort:
    """`/metrics` at all addresses of a host, on one port, until it is closed."""

    port: int
    servers: tuple["MetricsServer", ...]

    def close(self) -> None:
        """Takes no more connections. Does not wait."""
        for server in self.servers:
            server.close()


class MetricsServer(ThreadingMixIn, WSGIServer):
    """A thread for each connection, and not many of them."""

    daemon_threads = True

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._places = BoundedSemaphore(MAX_SCRAPES)
        self._closed = Event()

    def serve(self) -> None:
        """Takes connections until it is closed, and waits for them without waking."""
        while not self._closed.is_set():
            self.handle_request()
        self.server_close()

    def close(self) -> None:
        """Takes no more connections; those that it has are answered. Does not wait."""
        self._closed.set()
        # Wakes the thread that waits for connections, and leaves the closing to it.
        self.socket.shutdown(socket.SHUT_RDWR)

    def get_request(self) -> tuple[Any, Any]:
        """A connection and its address. Raises OSError, after a pause.

        Without one, a process that has no file descriptors left would try again at
        once, with all of a core.
        """
        try:
            return super().get_request()
        except OSError:
            self._closed.wait(PAUSE)
            raise

    def process_request(self, request: Any, client_address: Any) -> None:
        """Called for each connection, on the thread that takes them."""
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except RuntimeError:
            # No thread could be started. Whoever has called hangs up.
            self._places.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """The life of a connection, on a thread of its own."""
        end = Timer(SECONDS, _hang_up, (request,))
        end.daemon = True
        try:
            end.start()
            super().process_request_thread(request, client_address)
        except RuntimeError:
            # The timer's thread could not be started, and nobody would hang up.
            self.shutdown_request(request)
        finally:
            end.cancel()
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing of connections that broke: that is their affair."""


class _Handler(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing of scrapes, which come every few seconds."""


def _hang_up(connection: socket.socket) -> None:
    """Has whoever reads or writes there fail."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # it has ended meanwhile
