"""The status and the reason of a failed call."""

from typing import Any

import grpc
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status


def reason(error: grpc.RpcError) -> tuple[grpc.StatusCode, str]:
    """The status code of a failed call, and the reason in its details."""
    call: Any = error
    trailers = dict(call.trailing_metadata() or ())
    value = trailers.get("grpc-status-details-bin")
    if value is None:
        return call.code(), ""
    info = ErrorInfo()
    assert Status.FromString(value).details[0].Unpack(info)
    assert info.domain == "facewire"
    return call.code(), info.reason
