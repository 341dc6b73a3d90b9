"""A TCP relay that counts what a client sends to a server."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Relay:
    """Forwards connections to the server at `target`; `sent` counts the bytes to the server."""

    def __init__(self, target: str) -> None:
        host, port = target.rsplit(":", 1)
        self.sent = 0
        self._server = host, int(port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.target = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._open = [self._listener]

    def run(self) -> None:
        """Accept connections until the relay is closed."""
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._server)
                self._open += [client, server]
                for ends in ((client, server, True), (server, client, False)):
                    threading.Thread(target=self._pump, args=ends, daemon=True).start()

    def close(self) -> None:
        """Close all connections."""
        for each in self._open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _pump(self, source: socket.socket, sink: socket.socket, counts: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                self.sent += len(data) * counts
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


@contextmanager
def relay(target: str) -> Iterator[Relay]:
    """Run a relay in a thread."""
    opened = Relay(target)
    thread = threading.Thread(target=opened.run, daemon=True)
    thread.start()
    try:
        yield opened
    finally:
        opened.close()
        thread.join(60)
