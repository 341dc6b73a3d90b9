"""A real web server of files for tests, which can be made to misbehave."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import urlsplit

Answer = Callable[["Handler", bytes, int], None]
"""Answers a request for a file: handler, the whole file, offset of the first byte."""


class Handler(BaseHTTPRequestHandler):
    """Answers with the server's next answer, or properly if there is none."""

    protocol_version = "HTTP/1.1"
    files: "FileServer"

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        _, _, path, query, _ = urlsplit(self.path)
        self.files.requests.append((path, asked))
        self.files.queries.append(query)
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        if path not in self.files.contents:
            self.start_answer(404, 0)
            return
        answer = self.files.answers.pop(0) if self.files.answers else properly
        answer(self, self.files.contents[path], start)

    def start_answer(self, status: int, length: int | None, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if length is None:
            self.send_header("Connection", "close")
            self.close_connection = True
        else:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def start_range(self, body: bytes, start: int) -> None:
        """Send the head of a proper answer."""
        if start:
            content = f"bytes {start}-{len(body) - 1}/{len(body)}"
            self.start_answer(206, len(body) - start, Content_Range=content)
        else:
            self.start_answer(200, len(body))

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


def properly(handler: Handler, body: bytes, start: int) -> None:
    handler.start_range(body, start)
    handler.wfile.write(body[start:])


def without_ranges(handler: Handler, body: bytes, start: int) -> None:
    handler.start_answer(200, len(body))
    handler.wfile.write(body)


def nothing_left(handler: Handler, body: bytes, start: int) -> None:
    handler.start_answer(416, 0, Content_Range=f"bytes */{len(body)}")


def another_range(handler: Handler, body: bytes, start: int) -> None:
    handler.start_answer(206, 1, Content_Range=f"bytes 0-0/{len(body)}")
    handler.wfile.write(body[:1])


def too_much(handler: Handler, body: bytes, start: int) -> None:
    handler.start_answer(200, None)
    handler.wfile.write(body + b"and more")


def too_little(handler: Handler, body: bytes, start: int) -> None:
    handler.start_answer(200, None)
    handler.wfile.write(body[:-1])


def status(code: int, **headers: str) -> Answer:
    return lambda handler, body, start: handler.start_answer(code, 0, **headers)


def length_of(length: int) -> Answer:
    def answer(handler: Handler, body: bytes, start: int) -> None:
        handler.start_answer(200, length)
        handler.wfile.write(body[:length])
        handler.close_connection = True

    return answer


def broken_off(after: int) -> Answer:
    """Send `after` bytes of the rest, then close the connection."""

    def answer(handler: Handler, body: bytes, start: int) -> None:
        handler.start_range(body, start)
        handler.wfile.write(body[start : start + after])
        handler.close_connection = True

    return answer


def stalled(after: int, until: threading.Event) -> Answer:
    """Send `after` bytes of the rest, and all others once `until` is set."""

    def answer(handler: Handler, body: bytes, start: int) -> None:
        handler.start_range(body, start)
        handler.wfile.write(body[start : start + after])
        until.wait(60)
        handler.close_connection = True
        handler.wfile.write(body[start + after :])

    return answer


def dripping(until: threading.Event, *, head: bool = False) -> Answer:
    """Send a byte every 50 ms until `until` is set: of the rest, or of an endless head."""

    def answer(handler: Handler, body: bytes, start: int) -> None:
        if head:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Drip: ")
        else:
            handler.start_range(body, start)
        for byte in body[start:]:
            handler.wfile.write(b"x" if head else bytes([byte]))
            if until.wait(0.05):
                break
        handler.close_connection = True

    return answer


class QuietServer(ThreadingHTTPServer):
    """Reports no errors: in these tests, clients often close the connection early."""

    def handle_error(self, request: object, client_address: object) -> None:
        """See socketserver.BaseServer.handle_error."""


class FileServer:
    """Serves `contents`, by path, while it is open.

    `answers` are used for the next requests for existing files, one each. `requests` are
    the paths that were requested, with their Range headers, and `queries` their queries.
    """

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}
        self.answers: list[Answer] = []
        self.requests: list[tuple[str, str | None]] = []
        self.queries: list[str] = []
        handler = type("Bound", (Handler,), {"files": self})
        self._server = QuietServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
