"""The errors of failed calls."""

import pickle

import grpc
import pytest

from facewire.v1 import detect_pb2 as pb
from facewire_client import FaceClient, FaceClientError
from tests.client.failure import Failure
from tests.client.fake_server import FakeServer


def failure(client: FaceClient, image: bytes = b"x") -> FaceClientError:
    """Return the error of a call."""
    with pytest.raises(FaceClientError) as caught:
        client.detect(image)
    return caught.value


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, "CORRUPT_IMAGE"),
        (grpc.StatusCode.NOT_FOUND, "UNKNOWN_MODEL"),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_UNREACHABLE"),
        (grpc.StatusCode.UNAUTHENTICATED, "BAD_TOKEN"),
        (grpc.StatusCode.INTERNAL, ""),
    ],
)
def test_an_error_has_the_code_the_reason_and_the_message_of_the_server(
    client: FaceClient, fake: FakeServer, code: grpc.StatusCode, reason: str
) -> None:
    fake.failures.append(Failure(code, reason, message="so it is"))
    error = failure(client)
    assert (error.code, error.reason, error.message) == (code, reason, "so it is")
    assert str(error) == f"so it is ({reason or code.name})"
    assert isinstance(error.__cause__, grpc.RpcError)


def test_a_reason_of_another_domain_is_ignored(client: FaceClient, fake: FakeServer) -> None:
    code = grpc.StatusCode.PERMISSION_DENIED
    fake.failures.append(Failure(code, "NOT_OURS", domain="example.org"))
    assert failure(client).reason == ""


def test_details_that_cannot_be_read_leave_the_code(client: FaceClient, fake: FakeServer) -> None:
    fake.failures.append(Failure(grpc.StatusCode.INTERNAL, details=b"\xff\xff"))
    error = failure(client)
    assert (error.code, error.reason) == (grpc.StatusCode.INTERNAL, "")


def test_an_unreachable_server_is_named() -> None:
    with FaceClient("127.0.0.1:1") as client:
        error = failure(client)
    assert error.code is grpc.StatusCode.UNAVAILABLE
    assert error.message == "cannot reach 127.0.0.1:1: Connection refused"


def test_a_name_that_does_not_resolve_is_named() -> None:
    with FaceClient("no-such-host.invalid:1") as client:
        error = failure(client)
    assert error.code is grpc.StatusCode.UNAVAILABLE
    assert error.message.startswith("cannot reach no-such-host.invalid:1: ")


def test_an_answer_that_does_not_come_in_time_is_an_error(
    client: FaceClient, fake: FakeServer
) -> None:
    fake.answer = fake.hang
    with pytest.raises(FaceClientError, match="did not answer in time") as caught:
        client.detect(b"x", timeout=0.1)
    assert caught.value.code is grpc.StatusCode.DEADLINE_EXCEEDED


def test_a_message_over_the_limit_of_the_client_is_not_sent(fake: FakeServer) -> None:
    with FaceClient(fake.target, max_message_mb=1) as client:
        error = failure(client, bytes(1 << 20))
    assert error.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert error.reason == "MESSAGE_TOO_LARGE"
    assert "1048576 are allowed" in error.message
    assert "`max_message_mb`" in error.message
    assert fake.calls == 0


def test_a_message_over_the_limit_of_the_server_names_its_flag(
    client: FaceClient,
) -> None:
    error = failure(client, bytes(5 << 20))
    assert error.reason == "MESSAGE_TOO_LARGE"
    assert "--max-message-mb" in error.message


def test_an_answer_over_the_limit_of_the_client_names_its_setting(
    fake: FakeServer,
) -> None:
    fake.answer = lambda request: pb.DetectResponse(model_name="x" * (2 << 20))
    with FaceClient(fake.target, max_message_mb=1) as client:
        error = failure(client)
    assert error.reason == "MESSAGE_TOO_LARGE"
    assert "`max_message_mb`" in error.message


def test_an_error_survives_pickling() -> None:
    error = FaceClientError(grpc.StatusCode.NOT_FOUND, "UNKNOWN_MODEL", "no such model")
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.code, copy.reason, copy.message) == error.args
