"""Where the server is and how to talk to it: what both clients have in common.

Everything about connecting is left to gRPC and said here, in its channel options and
its service config.
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
from grpc_health.v1.health_pb2 import HealthCheckRequest

from facewire.v1.detect_pb2 import DetectRequest, GetModelRequest
from facewire_client.errors import message_too_large
from facewire_client.proxy import proxy_of
from facewire_client.request import DetectOptions, Image, fill_request, sendable
from facewire_client.target import read_target

DETECT = "/facewire.v1.DetectService/Detect"
DETECT_STREAM = "/facewire.v1.DetectService/DetectStream"
HEALTH_CHECK = "/grpc.health.v1.Health/Check"
_SERVICE = "facewire.v1.DetectService"

# What gRPC cannot add to the time without an overflow is no limit: from 31 years on.
_ENDLESS_SECONDS = 1e9

# A PEM file: its contents (bytes) or its path.
Pem: TypeAlias = bytes | str | PathLike[str]

# https://github.com/grpc/grpc/blob/master/doc/service_config.md
_SERVICE_CONFIG = '{"loadBalancingConfig": [{"round_robin": {}}]}'


@dataclass(eq=False)
class Connection:
    """A server's address, what to show it, and how long to wait for it.

    `target` is HOST:PORT, [IPV6]:PORT, unix:PATH, or any other gRPC target. `token` is sent
    with every
    call as `authorization: Bearer`. The channel is encrypted when `tls` is true
    or one of the PEM files is given: `root_certificates` of the authorities to
    trust (None: gRPC's own list), `certificate_chain` and `private_key` of the
    client for mutual TLS. `timeout` is what a call may take in seconds, all its
    attempts and the connecting included; `math.inf` is no limit.
    `max_message_mb` is the largest message in MiB, either way, and the server's
    default.
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
        self._target = read_target(self.target)
        self._proxy = proxy_of(self._target, os.environ)
        # A header value; gRPC's own complaint would name neither.
        if self.token is not None and not (
            self.token.isascii() and self.token.isprintable() and self.token.strip()
        ):
            raise ValueError("the token is empty or not one line of printable ASCII")
        if not 1 <= self.max_message_mb <= 2047:
            raise ValueError(f"max_message_mb is {self.max_message_mb}, not in 1..2047")
        self.seconds(None)
        # gRPC would end the process.
        if (self.certificate_chain is None) != (self.private_key is None):
            raise ValueError("certificate_chain and private_key go together")

    @property
    def route(self) -> str:
        """The target, and the proxy that it is asked for through, to be told."""
        through = f" through the proxy {self._proxy}" if self._proxy else ""
        return f"{self.target}{through}"

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What is sent with every call."""
        return (("authorization", f"Bearer {self.token}"),) if self.token else ()

    @property
    def max_message_bytes(self) -> int:
        """The largest message in bytes."""
        return self.max_message_mb << 20

    def serialised(self, message: Message) -> bytes:
        """A message as it goes over the wire.

        Messages with images are given to gRPC like this: their size is known only
        when they are serialised, and that is to be done once. Raises FaceClientError
        (MESSAGE_TOO_LARGE) for what gRPC would not send.
        """
        data = message.SerializeToString()
        if len(data) > self.max_message_bytes:
            raise message_too_large(len(data), self.max_message_bytes)
        return data

    def detect_request(self, image: Image, **options: Unpack[DetectOptions]) -> bytes:
        """The message that asks for the faces of an image: see `fill_request`."""
        request = DetectRequest()
        fill_request(request, image, limit=self.max_message_bytes, **options)
        return self.serialised(request)

    def check_open(self) -> None:
        """Raises ValueError when the client is closed."""
        if self.closed.is_set():
            raise ValueError(f"the client of {self.target} is closed")

    def seconds(self, timeout: float | None) -> float | None:
        """A call's own timeout or else the connection's, as gRPC wants it.

        None is no limit; what is below 0 has passed already. Raises ValueError for
        NaN.
        """
        seconds = self.timeout if timeout is None else timeout
        if math.isnan(seconds):
            raise ValueError("the timeout is not a number")
        return max(-1.0, seconds) if seconds < _ENDLESS_SECONDS else None

    def credentials(self) -> grpc.ChannelCredentials | None:
        """The TLS side of the channel; None: it is not encrypted."""
        pems = self.root_certificates, self.private_key, self.certificate_chain
        if not self.tls and all(pem is None for pem in pems):
            return None
        return grpc.ssl_channel_credentials(*(_contents(pem) for pem in pems))

    def options(self) -> list[tuple[str, str | int]]:
        """The channel's options: see grpc/impl/channel_arg_names.h."""
        return [
            ("grpc.service_config", _SERVICE_CONFIG),
            # Without it all channels of a process to one target share one
            # connection, whatever their tokens, and so one turn in the queue.
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.max_send_message_length", self.max_message_bytes),
            ("grpc.max_receive_message_length", self.max_message_bytes),
            # A call that a server has not begun when it closes the connection, gRPC
            # sends again by itself, if it still has it: all of it is in this buffer,
            # headers included, whose default is 256 KiB.
            ("grpc.per_rpc_retry_buffer_size", self.max_message_bytes + 65_536),
            # A proxy cannot reach what is on this machine alone.
            ("grpc.enable_http_proxy", int(not self._target.is_local)),
            # A server that restarts is found again soon, and one whose address
            # does not answer is given up after five seconds.
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 5_000),
            ("grpc.min_reconnect_backoff_ms", 5_000),
            # Notices a dead peer on an idle stream. Servers with gRPC's defaults
            # hang up on clients that ask more often than every five minutes.
            ("grpc.keepalive_time_ms", 330_000),
            ("grpc.keepalive_timeout_ms", 20_000),
        ]


def health_request(service: str, model: str) -> HealthCheckRequest:
    """Asks for a service, or for a model; for the server when both are empty.

    Raises ValueError for both, and FaceClientError (BAD_OPTION) for what is no text.
    """
    if service and model:
        raise ValueError("give a service or a model, not both")
    with sendable():
        return HealthCheckRequest(service=f"{_SERVICE}/{model}" if model else service)


def model_request(name: str) -> GetModelRequest:
    """Asks for a model. Raises FaceClientError (BAD_OPTION) for what is no text."""
    with sendable():
        return GetModelRequest(name=name)


def _contents(pem: Pem | None) -> bytes | None:
    if pem is None or isinstance(pem, bytes):
        return pem
    return Path(pem).read_bytes()
