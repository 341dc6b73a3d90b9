"""The table from errors to statuses, as in the public contract."""

import cv2
import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

from facewire_server.errors import ModelError, Reason, RefusalError, RequestError
from facewire_server.rpc.status import CODES, Failure, failure


def details(failed: Failure) -> tuple[Status, ErrorInfo]:
    trailers = dict(failed.trailers())
    value = trailers["grpc-status-details-bin"]
    assert isinstance(value, bytes)
    status = Status.FromString(value)
    info = ErrorInfo()
    assert status.details[0].Unpack(info)
    return status, info


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_code(reason: Reason) -> None:
    assert CODES[reason] is not grpc.StatusCode.OK


def test_a_request_error_carries_its_reason_in_the_details() -> None:
    failed = failure(RequestError(Reason.BAD_OPTION, "iou_threshold is nan"), "id")
    status, info = details(failed)
    assert failed.code is grpc.StatusCode.INVALID_ARGUMENT
    assert (status.code, status.message) == (3, "iou_threshold is nan")
    assert (info.domain, info.reason) == ("facewire", "BAD_OPTION")
    assert "grpc-retry-pushback-ms" not in dict(failed.trailers())


def test_a_full_queue_sends_the_retry_time_in_milliseconds() -> None:
    failed = failure(RefusalError(Reason.QUEUE_FULL, "full", retry_after=0.25), "id")
    assert failed.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert dict(failed.trailers())["grpc-retry-pushback-ms"] == "250"


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("Exception from src/inference: std::bad_alloc"),
        cv2.error("OpenCV: (-4:Insufficient memory) Failed to allocate 48 bytes"),
    ],
)
def test_lack_of_memory_is_exhaustion_and_may_be_tried_again(error: Exception) -> None:
    failed = failure(error, "id")
    assert failed.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert failed.reason == "OUT_OF_MEMORY"
    assert dict(failed.trailers())["grpc-retry-pushback-ms"] == "1000"


def test_a_message_that_is_too_large_is_not_to_be_sent_again() -> None:
    failed = failure(RequestError(Reason.MESSAGE_TOO_LARGE, "33 MiB"), "id")
    assert dict(failed.trailers())["grpc-retry-pushback-ms"] == "-1"


@pytest.mark.parametrize("error", [KeyError("secret"), ModelError("/secret/path")])
def test_an_unforeseen_error_shows_only_the_request_id(
    error: Exception,
) -> None:
    failed = failure(error, "abc123")
    assert failed.code is grpc.StatusCode.INTERNAL
    assert "abc123" in failed.message
    assert "secret" not in failed.message
    assert failed.trailers() == []
