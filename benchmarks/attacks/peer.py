"""A peer that speaks HTTP/2 by hand, and so can say what no gRPC client would.

Rule: it opens, sends and notes what comes back; what to send is for the attacks.
"""

import socket
import ssl
import struct
import time
from types import TracebackType
from typing import Self

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    ResponseReceived,
    StreamReset,
    TrailersReceived,
)
from h2.settings import SettingCodes, Settings
from hyperframe.frame import Frame

DETECT = "/facewire.v1.DetectService/Detect"
DETECT_STREAM = "/facewire.v1.DetectService/DetectStream"
WATCH = "/grpc.health.v1.Health/Watch"
FRAME_HEADER = 9
"""Bytes before the payload of a frame, whose length the first three are (RFC 9113, 4.1)."""
Headers = list[tuple[str, str]]


class Peer:
    """One connection to a server; `with` closes it.

    `begun` has the streams whose answer has begun, if only with its headers; `statuses`
    has the grpc-status of each stream that has ended, or -1 for one that was reset;
    `goaway` is the error code that the server ended the connection with.
    `gone`: the server has closed it.
    """

    def __init__(
        self,
        target: str,
        *,
        window: int = 1 << 20,
        context: ssl.SSLContext | None = None,
    ) -> None:
        """`window`: how many bytes of an answer it takes without asking for more."""
        self.socket = connect(target)
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        self._h2 = H2Connection(
            H2Configuration(
                client_side=True,
                validate_outbound_headers=False,
                validate_inbound_headers=False,
            )
        )
        self.begun: set[int] = set()
        self.statuses: dict[int, int] = {}
        self.messages: dict[int, str] = {}
        self.received: dict[int, bytes] = {}
        self.goaway: int | None = None
        self.gone = False
        self._unread = b""
        self._h2.local_settings = Settings(
            client=True, initial_values={SettingCodes.INITIAL_WINDOW_SIZE: window}
        )
        self._h2.initiate_connection()
        self.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.socket.close()

    def call(self, method: str = DETECT, headers: Headers | None = None) -> int:
        """Begins a call, of which nothing but the headers is sent; returns its stream."""
        stream = self._h2.get_next_available_stream_id()
        self._h2.send_headers(
            stream,
            call_headers(method) + (headers or []),
        )
        self.flush()
        return stream

    def send(self, stream: int, data: bytes, *, end: bool = False) -> int:
        """Sends data as fast as the server takes it; returns how many bytes it took.

        Less than all when the server has ended the stream, or takes no more for a
        second.
        """
        view = memoryview(data)
        sent = 0
        while sent < len(view):
            if stream in self.statuses or self.gone:
                return sent
            size = min(
                self._h2.local_flow_control_window(stream),
                self._h2.max_outbound_frame_size,
                len(view) - sent,
            )
            if size > 0:
                self._h2.send_data(stream, view[sent : sent + size].tobytes())
                sent += size
                if not self.flush():
                    return sent
                self.listen(0)
            elif not self.listen(1):
                return sent
        if end and stream not in self.statuses:
            self._h2.end_stream(stream)
            self.flush()
        return sent

    def message(self, stream: int, payload: bytes, *, compressed: bool = False) -> int:
        """Sends a whole message and ends the call; see `send`."""
        return self.send(stream, framed(payload, compressed=compressed), end=True)

    def reset(self, stream: int) -> None:
        """Takes a call back."""
        self._h2.reset_stream(stream, 8)
        self.flush()

    def ping(self) -> None:
        """Asks for a sign of life."""
        self._h2.ping(b"facewire")
        self.flush()

    def raw(self, *frames: Frame) -> bool:
        """Sends frames as they are; returns whether the connection still took them."""
        return self._write(b"".join(frame.serialize() for frame in frames))

    def flush(self) -> bool:
        """Sends what is ready; returns whether the connection still took it."""
        return self._write(self._h2.data_to_send())

    def listen(self, seconds: float) -> bool:
        """Reads what comes within this time, at least once; whether anything came."""
        self.socket.settimeout(seconds or 0.000001)
        try:
            data = self.socket.recv(1 << 20)
        except (TimeoutError, ssl.SSLWantReadError, BlockingIOError):
            return False
        except OSError:
            data = b""
        finally:
            self.socket.settimeout(30)
        if not data:
            self.gone = True
            return False
        self._read(data)
        self.flush()
        return True

    def wait(self, stream: int, seconds: float) -> int | None:
        """The grpc-status of a stream; None: it has not ended in this time."""
        until = time.monotonic() + seconds
        while stream not in self.statuses and not self.gone:
            left = until - time.monotonic()
            if left <= 0:
                break
            self.listen(left)
        return self.statuses.get(stream)

    def wait_begun(self, stream: int, seconds: float) -> bool:
        """Whether the answer on a stream begins within this time."""
        until = time.monotonic() + seconds
        while stream not in self.begun and not self.gone:
            left = until - time.monotonic()
            if left <= 0:
                break
            self.listen(left)
        return stream in self.begun

    def wait_gone(self, seconds: float) -> bool:
        """Whether the server closes the connection within this time."""
        until = time.monotonic() + seconds
        while not self.gone and (left := until - time.monotonic()) > 0:
            self.listen(left)
        return self.gone

    def _write(self, data: bytes) -> bool:
        try:
            self.socket.sendall(data)
        except OSError:
            self.gone = True
        return not self.gone

    def _read(self, data: bytes) -> None:
        """Notes what whole frames say, up to the server's last word.

        gRPC may send pings after that, which h2 would call a mistake.
        """
        self._unread += data
        start = 0
        while self.goaway is None and len(self._unread) >= start + FRAME_HEADER:
            length = int.from_bytes(self._unread[start : start + 3])
            end = start + FRAME_HEADER + length
            if len(self._unread) < end:
                break
            for event in self._h2.receive_data(self._unread[start:end]):
                self._note(event)
            start = end
        self._unread = self._unread[start:]

    def _note(self, event: Event) -> None:
        if isinstance(event, ResponseReceived | TrailersReceived):
            fields = {_text(key): _text(value) for key, value in event.headers}
            self.begun.add(event.stream_id or 0)
            if "grpc-status" in fields and event.stream_id:
                self.statuses[event.stream_id] = int(fields["grpc-status"])
                self.messages[event.stream_id] = fields.get("grpc-message", "")
        elif isinstance(event, DataReceived):
            seen = self.received.get(event.stream_id, b"")
            self.received[event.stream_id] = seen + event.data
        elif isinstance(event, StreamReset):
            self.statuses.setdefault(event.stream_id, -1)
        elif isinstance(event, ConnectionTerminated):
            self.goaway = int(event.error_code or 0)


def connect(target: str) -> socket.socket:
    """A connection that nothing has been said on yet."""
    host, _, port = target.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=30)


def call_headers(method: str) -> Headers:
    """What a call begins with."""
    return [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", method),
        (":authority", "localhost"),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
    ]


def framed(payload: bytes, *, compressed: bool = False) -> bytes:
    """A message of gRPC as it goes over the wire."""
    return struct.pack(">BI", compressed, len(payload)) + payload


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
