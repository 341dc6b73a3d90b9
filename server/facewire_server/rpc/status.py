"""The one table from errors to gRPC statuses, and the details that callers get."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import grpc
from google.protobuf.any_pb2 import Any
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

from facewire_server.errors import Reason, RefusalError, RequestError
from facewire_server.system.memory import is_shortage

DOMAIN = "facewire"

CODES = {
    Reason.EMPTY_IMAGE: grpc.StatusCode.INVALID_ARGUMENT,
    Reason.UNSUPPORTED_FORMAT: grpc.StatusCode.INVALID_ARGUMENT,
    Reason.CORRUPT_IMAGE: grpc.StatusCode.INVALID_ARGUMENT,
    Reason.IMAGE_TOO_LARGE: grpc.StatusCode.INVALID_ARGUMENT,
    Reason.BAD_RAW_IMAGE: grpc.StatusCode.INVALID_ARGUMENT,
    Reason.BAD_OPTION: grpc.StatusCode.INVALID_ARGUMENT,
    Reason.BAD_TENSOR: grpc.StatusCode.INVALID_ARGUMENT,
    Reason.BAD_REGION: grpc.StatusCode.INVALID_ARGUMENT,
    Reason.UNKNOWN_REGION: grpc.StatusCode.NOT_FOUND,
    Reason.REGION_EXISTS: grpc.StatusCode.ALREADY_EXISTS,
    Reason.TOO_MANY_REGIONS: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Reason.UNKNOWN_MODEL: grpc.StatusCode.NOT_FOUND,
    Reason.MODEL_NOT_LOADED: grpc.StatusCode.FAILED_PRECONDITION,
    Reason.MESSAGE_TOO_LARGE: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Reason.BAD_MESSAGE: grpc.StatusCode.INVALID_ARGUMENT,
    Reason.MESSAGE_TIMEOUT: grpc.StatusCode.DEADLINE_EXCEEDED,
    Reason.METADATA_TOO_LARGE: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Reason.TOO_MANY_CALLS: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Reason.STREAM_IDLE: grpc.StatusCode.DEADLINE_EXCEEDED,
    Reason.QUEUE_FULL: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Reason.OUT_OF_MEMORY: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Reason.DEADLINE_UNREACHABLE: grpc.StatusCode.DEADLINE_EXCEEDED,
    Reason.NOT_READY: grpc.StatusCode.UNAVAILABLE,
    Reason.NOT_SERVED: grpc.StatusCode.UNIMPLEMENTED,
    Reason.SHUTTING_DOWN: grpc.StatusCode.UNAVAILABLE,
    Reason.FRAME_DROPPED: grpc.StatusCode.ABORTED,
    Reason.BAD_TOKEN: grpc.StatusCode.UNAUTHENTICATED,
}

MEMORY_RETRY_SECONDS = 1.0
"""Seconds until a retry after a lack of memory or of file descriptors.

Other requests have ended by then.
"""

RETRIED = (grpc.StatusCode.RESOURCE_EXHAUSTED,)
"""Codes that clients try again, unless the pushback is negative."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The status that a call ends with.

    `reason`: that of the details; empty for an unforeseen error. `retry_after` in seconds;
    None: do not try again.
    """

    code: grpc.StatusCode
    reason: str
    message: str
    retry_after: float | None = None

    def trailers(self) -> Sequence[tuple[str, str | bytes]]:
        """Return the trailing metadata: the details, and when to try again."""
        trailers: list[tuple[str, str | bytes]] = []
        if self.reason:
            trailers.append(("grpc-status-details-bin", self._details()))
        if self.retry_after is not None:
            pushback = str(round(self.retry_after * 1000))
            trailers.append(("grpc-retry-pushback-ms", pushback))
        elif self.code in RETRIED:
            trailers.append(("grpc-retry-pushback-ms", "-1"))
        return trailers

    def _details(self) -> bytes:
        number, _ = self.code.value
        status = Status(code=number, message=self.message)
        # Encoded messages that are joined are one message with the fields of both.
        return status.SerializeToString() + _error_info(self.reason)


@cache
def _error_info(reason: str) -> bytes:
    """The details of a status with this reason, encoded; there are few reasons."""
    detail = Any()
    detail.Pack(ErrorInfo(reason=reason, domain=DOMAIN))
    return Status(details=[detail]).SerializeToString()


def failure(error: BaseException, request_id: str) -> Failure:
    """Map an error to the status that its caller gets.

    Lack of memory, in any library, or of file descriptors maps to
    RESOURCE_EXHAUSTED/OUT_OF_MEMORY. An unforeseen error maps to INTERNAL with a message that
    contains only `request_id`.
    """
    if isinstance(error, RequestError):
        return Failure(CODES[error.reason], error.reason, str(error))
    if isinstance(error, RefusalError):
        code = CODES[error.reason]
        return Failure(code, error.reason, str(error), error.retry_after)
    if is_shortage(error):
        return failure(out_of_memory(), request_id)
    message = f"internal error; the server's log has it as request {request_id}"
    return Failure(grpc.StatusCode.INTERNAL, "", message)


def out_of_memory(retry_after: float = MEMORY_RETRY_SECONDS) -> RefusalError:
    """Return the error of a server that lacks memory or file descriptors (OUT_OF_MEMORY)."""
    return RefusalError(
        Reason.OUT_OF_MEMORY,
        "the server has no memory or no file descriptor for this request now",
        retry_after,
    )
