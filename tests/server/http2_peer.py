"""A peer that speaks HTTP/2 frame by frame, and can send what no gRPC client would.

Rule: it opens, sends and records what comes back; what to send is for its callers.
"""

import socket
import ssl
import struct
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from typing import Self

from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.settings import SettingCodes, Settings
from hpack import Encoder
from hyperframe.frame import Frame, HeadersFrame, RstStreamFrame

DETECT = "/facewire.v1.DetectService/Detect"
DETECT_STREAM = "/facewire.v1.DetectService/DetectStream"
WATCH = "/grpc.health.v1.Health/Watch"
FRAME_HEADER = 9
"""Bytes before the payload of a frame, whose length the first three are (RFC 9113, 4.1)."""
CANCEL = 8
"""The error code of a stream that is cancelled (RFC 9113, 7)."""
Headers = list[tuple[str, str]]


class Peer:
    """One connection to a server; `with` closes it.

    `begun` holds the streams whose answer has begun, if only with its headers;
    `statuses` the grpc-status of each stream that has ended, or -1 for one that was
    reset; `messages` its grpc-message, `reasons` the reason of its google.rpc.ErrorInfo,
    `received` the bytes of its data frames. `goaway` is the error code that the server
    ended the connection with. `gone`: the server has closed it.
    """

    def __init__(
        self, target: str, *, window: int = 1 << 20, context: ssl.SSLContext | None = None
    ) -> None:
        """`window`: how many bytes of an answer it takes without asking for more."""
        self.socket = connect(target)
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        settings = H2Configuration(validate_outbound_headers=False, validate_inbound_headers=False)
        self._h2 = H2Connection(settings)
        self.begun: set[int] = set()
        self.statuses: dict[int, int] = {}
        self.messages: dict[int, str] = {}
        self.reasons: dict[int, str] = {}
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

    def __exit__(self, *failure: object) -> None:
        self.socket.close()

    def call(self, method: str = DETECT, headers: Headers | None = None) -> int:
        """Begin a call by sending its headers only; returns its stream."""
        stream = self._h2.get_next_available_stream_id()
        self._h2.send_headers(stream, call_headers(method) + (headers or []))
        self.flush()
        return stream

    def send(self, stream: int, data: bytes, *, end: bool = False) -> int:
        """Send data as fast as the server takes it; returns how many bytes it took.

        Less than all when the server has ended the stream, or takes no more for a second.
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
        """Send a whole message and end the call; see `send`."""
        return self.send(stream, framed(payload, compressed=compressed), end=True)

    def reset(self, stream: int) -> None:
        """Cancel a call."""
        self._h2.reset_stream(stream, CANCEL)
        self.flush()

    def raw(self, *frames: Frame) -> bool:
        """Send frames as they are; returns whether the connection still took them."""
        return self._write(b"".join(frame.serialize() for frame in frames))

    def flush(self) -> bool:
        """Send what is ready; returns whether the connection still took it."""
        return self._write(self._h2.data_to_send())

    def listen(self, seconds: float) -> bool:
        """Read what comes within this time, at least once; returns whether anything came."""
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
        self._listen_until(lambda: stream in self.statuses, seconds)
        return self.statuses.get(stream)

    def wait_begun(self, stream: int, seconds: float) -> bool:
        """Whether the answer on a stream begins within this time."""
        self._listen_until(lambda: stream in self.begun, seconds)
        return stream in self.begun

    def wait_gone(self, seconds: float) -> bool:
        """Whether the server closes the connection within this time."""
        self._listen_until(lambda: False, seconds)
        return self.gone

    def _listen_until(self, reached: Callable[[], bool], seconds: float) -> None:
        until = time.monotonic() + seconds
        while not reached() and not self.gone and (left := until - time.monotonic()) > 0:
            self.listen(left)

    def _write(self, data: bytes) -> bool:
        try:
            self.socket.sendall(data)
        except OSError:
            self.gone = True
        return not self.gone

    def _read(self, data: bytes) -> None:
        """Record what whole frames say, up to the server's GOAWAY.

        gRPC may send pings after that, which h2 would take for a protocol error.
        """
        self._unread += data
        start = 0
        while self.goaway is None and len(self._unread) >= start + FRAME_HEADER:
            length = int.from_bytes(self._unread[start : start + 3])
            end = start + FRAME_HEADER + length
            if len(self._unread) < end:
                break
            for event in self._h2.receive_data(self._unread[start:end]):
                self._record(event)
            start = end
        self._unread = self._unread[start:]

    def _record(self, event: events.Event) -> None:
        if isinstance(event, events.ResponseReceived | events.TrailersReceived):
            fields = {_text(key): _text(value) for key, value in event.headers}
            self.begun.add(event.stream_id or 0)
            if "grpc-status" in fields and event.stream_id:
                self.statuses[event.stream_id] = int(fields["grpc-status"])
                self.messages[event.stream_id] = fields.get("grpc-message", "")
                details = fields.get("grpc-status-details-bin", "")
                padded = details + "=" * (-len(details) % 4)
                self.reasons[event.stream_id] = reason(b64decode(padded))
        elif isinstance(event, events.DataReceived):
            seen = self.received.get(event.stream_id, b"")
            self.received[event.stream_id] = seen + event.data
        elif isinstance(event, events.StreamReset):
            self.statuses.setdefault(event.stream_id, -1)
        elif isinstance(event, events.ConnectionTerminated):
            self.goaway = int(event.error_code or 0)


def connect(target: str) -> socket.socket:
    """A TCP connection to HOST:PORT on which nothing has been sent."""
    host, _, port = target.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=30)


def call_headers(method: str) -> Headers:
    """The headers that a gRPC call begins with."""
    return [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", method),
        (":authority", "localhost"),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
    ]


def headers_frame(stream: int, method: str = DETECT) -> HeadersFrame:
    """A whole frame of `call_headers`, for `Peer.raw`."""
    return HeadersFrame(stream, Encoder().encode(call_headers(method)), flags=["END_HEADERS"])


def rapid_resets(calls: int) -> Iterator[Frame]:
    """Calls that are each cancelled at once (CVE-2023-44487)."""
    for stream in range(1, 2 * calls, 2):
        yield headers_frame(stream)
        yield RstStreamFrame(stream, CANCEL)


def framed(payload: bytes, *, compressed: bool = False) -> bytes:
    """A gRPC message with its length prefix."""
    return struct.pack(">BI", compressed, len(payload)) + payload


def reason(details: bytes) -> str:
    """The ErrorInfo reason of a serialised google.rpc.Status; empty: it has none."""
    info = ErrorInfo()
    for detail in Status.FromString(details).details:
        if detail.Unpack(info):
            return info.reason
    return ""


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
