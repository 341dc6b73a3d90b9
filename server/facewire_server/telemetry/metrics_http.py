"""The port of `/metrics`: plain HTTP for a few scrapers.

Rule: a connection holds one of MAX_SCRAPES threads for at most SCRAPE_SECONDS, and never
a thread that answers requests.
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
"""How many scrapes are answered at a time; connections beyond are closed at once."""

SCRAPE_SECONDS = 5.0
"""Seconds for a scrape, from connecting to the last byte of its answer."""

ACCEPT_PAUSE = 1.0
"""Seconds until the next attempt after a connection could not be accepted."""


def serve_metrics(registry: CollectorRegistry, host: str, port: int) -> "MetricsPort":
    """Serve `/metrics` at all addresses of a host, on separate threads.

    Port 0: a free one. Raises ConfigError when the port cannot be used.
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
    """`/metrics` at all addresses of a host, on one port, until `close`."""

    port: int
    servers: tuple["MetricsServer", ...]

    def close(self) -> None:
        """Accept no more connections. Does not wait."""
        for server in self.servers:
            server.close()


class MetricsServer(ThreadingMixIn, WSGIServer):
    """An HTTP server with one thread for each connection, MAX_SCRAPES at most."""

    daemon_threads = True

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._slots = BoundedSemaphore(MAX_SCRAPES)
        self._closed = Event()

    def serve(self) -> None:
        """Accept connections until `close`.

        Unlike `serve_forever`, which wakes twice a second, it sleeps until one comes.
        """
        while not self._closed.is_set():
            self.handle_request()
        self.server_close()

    def close(self) -> None:
        """Accept no more connections; those accepted are answered. Does not wait."""
        self._closed.set()
        # Wakes the thread in `serve`, which closes the socket: closed here, its number
        # could be another file's before that thread looks at it again.
        self.socket.shutdown(socket.SHUT_RDWR)

    def get_request(self) -> tuple[Any, Any]:
        """Accept a connection; returns it and its address. Raises OSError after a pause.

        Without the pause a process that has no file descriptors left would try again at
        once, and keep a core busy with it.
        """
        try:
            return super().get_request()
        except OSError:
            self._closed.wait(ACCEPT_PAUSE)
            raise

    def process_request(self, request: Any, client_address: Any) -> None:
        """Start a thread for a connection. Called on the thread that accepts them."""
        if not self._slots.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except RuntimeError:
            # The thread could not be started. The caller closes the connection.
            self._slots.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer one connection. Called on its thread."""
        end = Timer(SCRAPE_SECONDS, _shut_down, (request,))
        end.daemon = True
        try:
            end.start()
            super().process_request_thread(request, client_address)
        except RuntimeError:
            # The timer's thread could not be started, and nothing would end a slow scrape.
            self.shutdown_request(request)
        finally:
            end.cancel()
            self._slots.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log nothing about broken connections, which scrapers try again."""


class _Handler(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing about scrapes, of which there is one every few seconds."""


def _shut_down(connection: socket.socket) -> None:
    """Make the thread that reads or writes this connection fail."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # it has ended already
