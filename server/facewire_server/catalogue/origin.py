"""The origins of a published file: an address of a web server, or a path in a folder.

Rule: a failure that a retry may solve is a TransientError, any other is a ModelError.
"""

import errno
import re
import socket
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import Any, BinaryIO, Self

import httpx

from facewire_server.catalogue.redaction import hide_secrets
from facewire_server.errors import FacewireError, ModelError

CHUNK_SIZE = 1 << 18
TRANSIENT_STATUSES = {408, 425, 429}
"""Statuses under 500 that a retry may solve."""


class TransientError(FacewireError):
    """A download failed; a retry may succeed."""


class UnusableRangeError(TransientError):
    """The server cannot resume at the offset: the retry starts from the first byte."""


class MissingFileError(FacewireError):
    """The origin does not have the file; the message says where that was."""


@dataclass(frozen=True, slots=True)
class Body:
    """The bytes of a file from offset `start` on."""

    start: int
    chunks: Iterator[bytes]


class Origin(ABC):
    """An address or path that may have a file; its `str` may be shown."""

    @abstractmethod
    def open(self, start: int, size: int) -> AbstractContextManager[Body]:
        """Open a file of `size` bytes at offset `start`, or before it.

        Raises MissingFileError, TransientError or ModelError, also while the chunks are
        read.
        """


class FolderOrigin(Origin):
    """A file in a folder."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __str__(self) -> str:
        return str(self._path)

    @contextmanager
    def open(self, start: int, size: int) -> Iterator[Body]:
        """See Origin.open."""
        try:
            file = self._path.open("rb")
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR):
                raise MissingFileError(str(self)) from None
            raise ModelError(f"{self} cannot be read: {error.strerror}") from error
        with file:
            check_length(self, file.seek(0, 2), size)
            file.seek(start)
            yield Body(start, self._chunks(file))

    def _chunks(self, file: BinaryIO) -> Iterator[bytes]:
        try:
            while chunk := file.read(CHUNK_SIZE):
                yield chunk
        except OSError as error:
            raise ModelError(f"{self} cannot be read: {error.strerror}") from error


class WebOrigin(Origin):
    """A file on a web server."""

    def __init__(self, client: httpx.Client, url: str) -> None:
        """Raises ModelError for a malformed `url`."""
        self._client = client
        try:
            self._url = httpx.URL(url)
        except httpx.InvalidURL:
            # httpx's message shows a part of the address, which may be one of the password.
            raise ModelError(f"{hide_secrets(url)!r} is no address") from None

    def __str__(self) -> str:
        return hide_secrets(str(self._url))

    @contextmanager
    def open(self, start: int, size: int) -> Iterator[Body]:
        """See Origin.open."""
        # A compressed response could not be resumed: ranges count compressed bytes.
        headers = {"Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
        try:
            with (
                _ResponseTimer(self._client.timeout) as timer,
                self._client.stream(
                    "GET", self._url, headers=headers, extensions=timer.extensions
                ) as response,
            ):
                timer.stop()
                first = self._first_byte(response, start, size)
                yield Body(first, response.iter_raw())
        except (httpx.UnsupportedProtocol, httpx.TooManyRedirects) as error:
            raise ModelError(f"{self}: {error}") from None
        except httpx.TransportError as error:
            raise TransientError(f"{self}: {timer.message or _short_message(error)}") from None

    def _first_byte(self, response: httpx.Response, start: int, size: int) -> int:
        """Return the offset at which a response starts. Raises for an unusable response."""
        status = response.status_code
        if status == httpx.codes.OK:
            length = response.headers.get("Content-Length", "")
            if length.isdecimal():
                check_length(self, int(length), size)
            return 0
        if status == httpx.codes.PARTIAL_CONTENT and start:
            content_range = response.headers.get("Content-Range", "")
            match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", content_range)
            if match is None or int(match[1]) != start:
                raise UnusableRangeError(f"{self} answers with another range")
            if match[2] != "*":
                check_length(self, int(match[2]), size)
            return start
        if status == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE and start:
            raise UnusableRangeError(f"{self} cannot go on from byte {start}")
        if status in (httpx.codes.NOT_FOUND, httpx.codes.GONE):
            raise MissingFileError(f"{self} ({status} {response.reason_phrase})")
        message = f"{self} answers {status} {response.reason_phrase}".rstrip()
        if status >= httpx.codes.INTERNAL_SERVER_ERROR or status in TRANSIENT_STATUSES:
            raise TransientError(message)
        raise ModelError(message)


class _ResponseTimer:
    """Closes the connection if the head of the response is not complete in time.

    httpx's own read timeout starts anew with every byte: a server that sends one now and
    then would keep the download waiting for ever.
    """

    def __init__(self, timeout: httpx.Timeout) -> None:
        self._seconds = (timeout.connect or 0) + (timeout.read or 0)
        self._timer = Timer(self._seconds, self._close)
        self._timer.daemon = True
        self._sockets: list[socket.socket] = []
        self.message = ""
        """The error to show once it has closed the connection."""
        self.extensions = {"trace": self._trace}
        """Extensions of the request, which must open a new connection."""

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        for each in self._sockets:
            each.close()

    def stop(self) -> None:
        """Stop the timer: the response has begun."""
        self._timer.cancel()

    def _trace(self, event: str, info: Mapping[str, Any]) -> None:
        if event == "connection.connect_tcp.complete":
            # A duplicate: TLS detaches the socket object itself.
            connected = info["return_value"].get_extra_info("socket")
            self._sockets.append(connected.dup())
            if self.message:  # the timer has fired while the connection was being made
                self._close()

    def _close(self) -> None:
        self.message = f"no whole answer began within {self._seconds:g} s"
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


def check_length(origin: Origin, length: int, size: int) -> None:
    """Raise ModelError for an origin that has another number of bytes than published."""
    if length != size:
        raise ModelError(f"{origin} has {length} bytes instead of {size}")


def _short_message(error: httpx.TransportError) -> str:
    """Say what happened without terms of the HTTP library."""
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return f"no connection ({error or 'timed out'})"
    if isinstance(error, httpx.ProxyError):
        return f"the proxy refuses ({error})"
    if isinstance(error, httpx.ReadTimeout):
        return "nothing came any more"
    return str(error) or type(error).__name__
