"""The settings of a connection to one server, shared by both clients.

gRPC makes the connections, by the channel options and the service config of this module.
"""

import math
import os
from dataclasses import KW_ONLY, dataclass, field
from os import PathLike
from pathlib import Path
from threading import Event
from typing import TypeAlias, Unpack

import grpc
from google.protobuf.message import Message

from facewire.v1.detect_pb2 import DetectRequest
from facewire_client.errors import message_too_large
from facewire_client.request import DetectOptions, Image, fill_request
from facewire_client.target import parse_target, proxy_of

DETECT_PATH = "/facewire.v1.DetectService/Detect"
STREAM_PATH = "/facewire.v1.DetectService/DetectStream"
HEALTH_PATH = "/grpc.health.v1.Health/Check"

# gRPC adds the timeout to its clock; from about 31 years on that overflows.
_UNLIMITED_SECONDS = 1e9

Pem: TypeAlias = bytes | str | PathLike[str]
"""A PEM file: its contents (bytes) or its path."""

# https://github.com/grpc/grpc/blob/master/doc/service_config.md
_SERVICE_CONFIG = '{"loadBalancingConfig": [{"round_robin": {}}]}'


@dataclass(eq=False)
class Connection:
    """A server's address, the caller's credentials, and the limits of calls.

    The arguments are those of `FaceClient`. `closed` is set when the client closes.
    """

    target: str
    _: KW_ONLY
    token: str | None = field(default=None, repr=False)
    root_certificates: Pem | None = field(default=None, repr=False)
    certificate_chain: Pem | None = field(default=None, repr=False)
    private_key: Pem | None = field(default=None, repr=False)
    tls: bool = False
    timeout: float = 30.0
    max_message_mb: int = 32
    closed: Event = field(default_factory=Event, init=False, repr=False)

    def __post_init__(self) -> None:
        for name, text in (("target", self.target), ("token", self.token)):
            if not isinstance(text, str) and (name, text) != ("token", None):
                raise TypeError(f"the {name} is no str but a {type(text).__name__}")
        self._target = parse_target(self.target)
        self._proxy = proxy_of(self._target, os.environ)
        # The token becomes a header value; gRPC's own error would not name the token.
        if self.token is not None and not (
            self.token.isascii() and self.token.isprintable() and self.token.strip()
        ):
            raise ValueError("the token is empty or not one line of printable ASCII")
        if not 1 <= self.max_message_mb <= 2047:
            raise ValueError(f"max_message_mb is {self.max_message_mb}, not in 1..2047")
        self.seconds(None)
        # gRPC would abort the process.
        if (self.certificate_chain is None) != (self.private_key is None):
            raise ValueError("certificate_chain and private_key go together")

    @property
    def route(self) -> str:
        """The target, and the proxy on the way to it, for error messages."""
        through = f" through the proxy {self._proxy}" if self._proxy else ""
        return f"{self.target}{through}"

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """The metadata of every call."""
        return (("authorization", f"Bearer {self.token}"),) if self.token else ()

    @property
    def max_message_bytes(self) -> int:
        """The largest message in bytes."""
        return self.max_message_mb << 20

    def serialise(self, message: Message) -> bytes:
        """Serialise a message, once.

        Messages with images are given to gRPC as bytes: their size is known only after
        serialising, and serialising an image twice is slow. Raises FaceClientError
        (MESSAGE_TOO_LARGE) for a message that gRPC would not send.
        """
        data = message.SerializeToString()
        if len(data) > self.max_message_bytes:
            raise message_too_large(len(data), self.max_message_bytes)
        return data

    def detect_request(self, image: Image, **options: Unpack[DetectOptions]) -> bytes:
        """Make the serialised DetectRequest for an image: see `fill_request`."""
        request = DetectRequest()
        fill_request(request, image, limit=self.max_message_bytes, **options)
        return self.serialise(request)

    def check_open(self) -> None:
        """Raise ValueError when the client is closed."""
        if self.closed.is_set():
            raise ValueError(f"the client of {self.target} is closed")

    def seconds(self, timeout: float | None) -> float | None:
        """Return a call's timeout, or the connection's, in the form that gRPC takes.

        None is no limit; a value below 0 has passed already. Raises ValueError for NaN.
        """
        seconds = self.timeout if timeout is None else timeout
        if math.isnan(seconds):
            raise ValueError("the timeout is not a number")
        return max(-1.0, seconds) if seconds < _UNLIMITED_SECONDS else None

    def credentials(self) -> grpc.ChannelCredentials | None:
        """Return the TLS credentials of a channel; None: it is not encrypted.

        Raises OSError for a PEM file that cannot be read.
        """
        pems = self.root_certificates, self.private_key, self.certificate_chain
        if not self.tls and all(pem is None for pem in pems):
            return None
        return grpc.ssl_channel_credentials(*(_contents(pem) for pem in pems))

    def options(self) -> list[tuple[str, str | int]]:
        """Return the options of a channel: see grpc/impl/channel_arg_names.h."""
        return [
            ("grpc.service_config", _SERVICE_CONFIG),
            # Without it all channels of a process to one target share one connection, whatever
            # their tokens, and so one share of the server's fair queue.
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.max_send_message_length", self.max_message_bytes),
            ("grpc.max_receive_message_length", self.max_message_bytes),
            # gRPC repeats a call that the server had not begun when it closed the connection,
            # but only when the whole call, headers included, fits into this buffer, whose
            # default is 256 KiB.
            ("grpc.per_rpc_retry_buffer_size", self.max_message_bytes + 65_536),
            # A proxy cannot reach addresses that exist on this machine only.
            ("grpc.enable_http_proxy", int(not self._target.is_local)),
            # Finds a restarted server soon, and gives up an address that does not answer after
            # five seconds.
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 5_000),
            ("grpc.min_reconnect_backoff_ms", 5_000),
            # Notices a dead peer on an idle stream. Servers with gRPC's defaults close the
            # connection of a client that pings more often than every five minutes.
            ("grpc.keepalive_time_ms", 330_000),
            ("grpc.keepalive_timeout_ms", 20_000),
        ]


def _contents(pem: Pem | None) -> bytes | None:
    if pem is None or isinstance(pem, bytes):
        return pem
    return Path(pem).read_bytes()
