"""The errors of a fake server."""

from typing import NoReturn

import grpc
from google.protobuf.any_pb2 import Any
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status


class Failure(Exception):
    """The error of a call; `pushback` is the value of the retry trailer, in milliseconds.

    `details` are the status details in bytes; None: an ErrorInfo with the reason.
    """

    def __init__(
        self,
        code: grpc.StatusCode,
        reason: str = "",
        *,
        message: str = "as told",
        pushback: int | None = None,
        domain: str = "facewire",
        details: bytes | None = None,
    ) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.message = message
        self.pushback = pushback
        self.details = self._info(domain) if details is None else details

    def abort(self, context: grpc.ServicerContext) -> NoReturn:
        """End the call of `context` with this error."""
        trailers: list[tuple[str, str | bytes]] = []
        if self.details:
            trailers.append(("grpc-status-details-bin", self.details))
        if self.pushback is not None:
            trailers.append(("grpc-retry-pushback-ms", str(self.pushback)))
        context.set_trailing_metadata(tuple(trailers))
        context.abort(self.code, self.message)

    def _info(self, domain: str) -> bytes:
        if not self.reason:
            return b""
        detail = Any()
        detail.Pack(ErrorInfo(reason=self.reason, domain=domain))
        return Status(
            code=self.code.value[0], message=self.message, details=[detail]
        ).SerializeToString()
