"""The bytes of a file, from some byte on, from a web server or a folder.

Rule: what may pass by itself is a TransientError, what will not is a ModelError.
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

from facewire_server.errors import FacewireError, ModelError

CHUNK = 1 << 18
PASSING = {408, 425, 429}
"""Statuses under 500 of a server that may think better of it."""


class TransientError(FacewireError):
    """It did not work this time."""


class UnusableRangeError(TransientError):
    """The server cannot go on where we were: start from the first byte."""


class NotThereError(FacewireError):
    """There is no such file there; says where."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What was answered: the bytes of the file from `start` on."""

    start: int
    chunks: Iterator[bytes]


class Origin(ABC):
    """One place where a file may lie; `str` of it may be shown."""

    @abstractmethod
    def open(self, start: int, size: int) -> AbstractContextManager[Piece]:
        """Opens a file of `size` bytes at byte `start`, or before it.

        Raises NotThereError, TransientError, or ModelError, also while the chunks are
        read.
        """


class FolderOrigin(Origin):
    """A file in a folder."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __str__(self) -> str:
        return str(self._path)

    @contextmanager
    def open(self, start: int, size: int) -> Iterator[Piece]:
        """See Origin.open."""
        try:
            file = self._path.open("rb")
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR):
                raise NotThereError(str(self)) from None
            raise ModelError(f"{self} cannot be read: {error.strerror}") from None
        with file:
            _check_length(self, file.seek(0, 2), size)
            file.seek(start)
            yield Piece(start, self._chunks(file))

    def _chunks(self, file: BinaryIO) -> Iterator[bytes]:
        try:
            while chunk := file.read(CHUNK):
                yield chunk
        except OSError as error:
            raise ModelError(f"{self} cannot be read: {error.strerror}") from None


class WebOrigin(Origin):
    """A file on a web server."""

    def __init__(self, client: httpx.Client, url: str) -> None:
        """Raises ModelError when `url` is none."""
        self._client = client
        try:
            self._url = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise ModelError(f"{url!r} is no address: {error}") from None

    def __str__(self) -> str:
        return str(self._url.copy_with(userinfo=b""))

    @contextmanager
    def open(self, start: int, size: int) -> Iterator[Piece]:
        """See Origin.open."""
        # Compressed in transit, it could not be gone on with from the middle.
        headers = {"Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
        try:
            with (
                _HeadTimer(self._client.timeout) as timer,
                self._client.stream(
                    "GET", self._url, headers=headers, extensions=timer.extensions
                ) as response,
            ):
                timer.stop()
                answered = self._start(response, start, size)
                yield Piece(answered, response.iter_raw())
        except (httpx.UnsupportedProtocol, httpx.TooManyRedirects) as error:
            raise ModelError(f"{self}: {error}") from None
        except httpx.TransportError as error:
            gist = timer.verdict or _gist(error)
            raise TransientError(f"{self}: {gist}") from None

    def _start(self, response: httpx.Response, start: int, size: int) -> int:
        """The byte with which an answer starts; raises when it is none of use."""
        status = response.status_code
        if status == httpx.codes.OK:
            length = response.headers.get("Content-Length", "")
            if length.isdecimal():
                _check_length(self, int(length), size)
            return 0
        if status == httpx.codes.PARTIAL_CONTENT and start:
            answer = response.headers.get("Content-Range", "")
            match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer)
            if match is None or int(match[1]) != start:
                raise UnusableRangeError(f"{self} answers with another range")
            if match[2] != "*":
                _check_length(self, int(match[2]), size)
            return start
        if status == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE and start:
            raise UnusableRangeError(f"{self} cannot go on from byte {start}")
        if status in (httpx.codes.NOT_FOUND, httpx.codes.GONE):
            raise NotThereError(f"{self} ({status} {response.reason_phrase})")
        answer = f"{self} answers {status} {response.reason_phrase}".rstrip()
        if status >= httpx.codes.INTERNAL_SERVER_ERROR or status in PASSING:
            raise TransientError(answer)
        raise ModelError(answer)


class _HeadTimer:
    """Hangs up when an answer has not begun in time, however often a byte of it comes.

    The time that the client has is for each byte, and starts anew with it.
    """

    def __init__(self, timeout: httpx.Timeout) -> None:
        self._seconds = (timeout.connect or 0) + (timeout.read or 0)
        self._timer = Timer(self._seconds, self._hang_up)
        self._timer.daemon = True
        self._sockets: list[socket.socket] = []
        self.verdict = ""
        """What to say when it has hung up."""
        self.extensions = {"trace": self._note}
        """Of the request, which has to make a connection of its own."""

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        for each in self._sockets:
            each.close()

    def stop(self) -> None:
        """The answer has begun."""
        self._timer.cancel()

    def _note(self, event: str, info: Mapping[str, Any]) -> None:
        if event == "connection.connect_tcp.complete":
            # A duplicate: encryption takes the socket itself away.
            connected = info["return_value"].get_extra_info("socket")
            self._sockets.append(connected.dup())
            if self.verdict:
                self._hang_up()

    def _hang_up(self) -> None:
        self.verdict = f"no whole answer began within {self._seconds:g} s"
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


def _check_length(origin: Origin, length: int, size: int) -> None:
    if length != size:
        raise ModelError(f"{origin} has {length} bytes instead of {size}")


def _gist(error: httpx.TransportError) -> str:
    """What happened, in words for somebody who never heard of our HTTP library."""
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return f"no connection ({error or 'timed out'})"
    if isinstance(error, httpx.ProxyError):
        return f"the proxy refuses ({error})"
    if isinstance(error, httpx.ReadTimeout):
        return "nothing came any more"
    return str(error) or type(error).__name__
