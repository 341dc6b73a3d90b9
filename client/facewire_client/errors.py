"""The exception of the client, and its construction from a failed RPC."""

import re
from collections.abc import Iterable
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

_DOMAIN = "facewire"
_CODES: dict[int, grpc.StatusCode] = {code.value[0]: code for code in grpc.StatusCode}
# gRPC's own message for a message over the limit of one side.
_OVER_LIMIT = re.compile(r"(CLIENT|SERVER): \w+ message larger than max \((\d+) vs\. (\d+)\)")
# The text before the cause in gRPC's message when it cannot connect.
_CONNECT_NOISE = re.compile(
    r"^.*last error: (\w+: )?(ipv[46]:\S+: )?(Failed to connect to remote host: )?"
    r"(unix:.*: connect failed: addr: .* error: )?"
)


class FaceClientError(Exception):
    """The failure of a call, or of one image of a stream.

    `code` is the gRPC status. `reason` is the reason in google.rpc.ErrorInfo (CORRUPT_IMAGE,
    QUEUE_FULL, ...); it is empty for a failure of gRPC's own, such as a lost connection.
    `message` is one sentence for people.
    """

    def __init__(self, code: grpc.StatusCode, reason: str, message: str) -> None:
        super().__init__(code, reason, message)
        self.code = code
        self.reason = reason
        self.message = message

    def __str__(self) -> str:
        return f"{self.message} ({self.reason or self.code.name})"


def from_rpc_error(error: grpc.RpcError, route: str) -> FaceClientError:
    """Convert the error of a call; `route` names the server, and the proxy to it, in messages."""
    code, details = error.code(), error.details() or f"{route} gave no reason"
    reason = _reason(error.trailing_metadata() or ())
    match code, reason:
        case grpc.StatusCode.UNAVAILABLE, "":
            details = f"cannot reach {route}: {_CONNECT_NOISE.sub('', details)}"
        case grpc.StatusCode.NOT_FOUND, "" if not error.details():
            details = f"{route} has no service and no model of that name"
        case grpc.StatusCode.DEADLINE_EXCEEDED, "":
            details = f"{route} did not answer in time"
        case grpc.StatusCode.RESOURCE_EXHAUSTED, "":
            if over := _OVER_LIMIT.search(details):
                side, size, limit = over.groups()
                return message_too_large(int(size), int(limit), side)
    return FaceClientError(code, reason, details)


def from_frame_error(code: int, reason: str, message: str) -> FaceClientError:
    """Convert the error of one image of a stream; `code` is a google.rpc.Code."""
    return FaceClientError(_CODES.get(code, grpc.StatusCode.UNKNOWN), reason, message)


def stream_ended_early() -> FaceClientError:
    """Return the error of a stream that a server ended with OK and too few answers."""
    message = "the server ended the stream before it had answered all images"
    return FaceClientError(grpc.StatusCode.INTERNAL, "", message)


def message_too_large(size: int, limit: int, side: str = "CLIENT") -> FaceClientError:
    """Return the error of a message of `size` bytes over the limit of CLIENT or SERVER."""
    if side == "CLIENT":
        advice = "the client's limit is its `max_message_mb`"
    else:
        advice = "the server's limit is `facewire-server serve --max-message-mb`"
    return FaceClientError(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "MESSAGE_TOO_LARGE",
        f"the message has {size} bytes and {limit} are allowed; {advice}",
    )


def _reason(trailers: Iterable[Any]) -> str:
    """Return the reason of facewire's ErrorInfo in the trailers of a call, or ""."""
    for key, value in trailers:
        if key == "grpc-status-details-bin":
            return _reason_of_status(value)
    return ""


def _reason_of_status(data: bytes) -> str:
    info = ErrorInfo()
    try:
        for detail in Status.FromString(data).details:
            if detail.Unpack(info) and info.domain == _DOMAIN:
                return info.reason
    except DecodeError:
        pass  # the details are not facewire's
    return ""
