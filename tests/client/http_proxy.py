"""An HTTP proxy that records its requests and refuses them."""

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self


class HttpProxy:
    """`address` is HOST:PORT, `lines` are those of all requests."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(60)

    def _run(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                with client, suppress(OSError):
                    self.lines += client.recv(65_536).decode().splitlines()
                    client.sendall(b"HTTP/1.1 503 Service Unavailable\r\n\r\n")
