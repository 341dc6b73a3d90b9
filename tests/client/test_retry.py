"""When a call is tried again, and when not."""

import grpc
import pytest

from facewire.v1 import detect_pb2 as pb
from facewire_client import FaceClient, FaceClientError
from tests.client.failure import Failure
from tests.client.fake_server import FakeServer


def full(pushback: int) -> Failure:
    """The refusal of a server that is at its limit."""
    return Failure(grpc.StatusCode.RESOURCE_EXHAUSTED, "QUEUE_FULL", pushback=pushback)


UNAVAILABLE = Failure(grpc.StatusCode.UNAVAILABLE, "SHUTTING_DOWN")


def test_a_full_server_is_asked_again_when_it_says(
    client: FaceClient, fake: FakeServer
) -> None:
    fake.failures.extend([full(5), full(5)])
    client.detect(b"x")
    assert fake.calls == 3


def test_a_full_server_that_says_so_is_not_asked_again(
    client: FaceClient, fake: FakeServer
) -> None:
    fake.failures.append(full(-1))
    with pytest.raises(FaceClientError) as caught:
        client.detect(b"x")
    assert caught.value.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert caught.value.reason == "QUEUE_FULL"
    assert fake.calls == 1


def test_an_unavailable_server_is_asked_again(
    client: FaceClient, fake: FakeServer
) -> None:
    fake.failures.append(UNAVAILABLE)
    client.detect(b"x")
    assert fake.calls == 2


def test_a_server_is_asked_five_times_at_most(
    client: FaceClient, fake: FakeServer
) -> None:
    fake.failures.extend([full(1)] * 9)
    with pytest.raises(FaceClientError) as caught:
        client.detect(b"x")
    assert caught.value.reason == "QUEUE_FULL"
    assert fake.calls == 5


def test_a_request_that_is_wrong_is_not_tried_again(
    client: FaceClient, fake: FakeServer
) -> None:
    fake.failures.append(Failure(grpc.StatusCode.INVALID_ARGUMENT, "CORRUPT_IMAGE"))
    with pytest.raises(FaceClientError):
        client.detect(b"x")
    assert fake.calls == 1


def test_the_timeout_ends_the_tries(client: FaceClient, fake: FakeServer) -> None:
    fake.failures.append(full(60_000))
    with pytest.raises(FaceClientError) as caught:
        client.detect(b"x", timeout=0.2)
    assert caught.value.code is grpc.StatusCode.DEADLINE_EXCEEDED


def test_the_largest_message_is_tried_again_whole(fake: FakeServer) -> None:
    fake.failures.append(full(5))
    request = pb.DetectRequest(encoded_image=bytes(1 << 20), options=pb.DetectOptions())
    image = bytes((2 << 20) - request.ByteSize())
    with FaceClient(fake.target, max_message_mb=1) as client:
        client.detect(image)
    assert fake.requests[-1].ByteSize() == 1 << 20
    assert fake.requests[-1].encoded_image == image
    assert fake.calls == 2


def test_a_stream_is_not_tried_again(client: FaceClient, fake: FakeServer) -> None:
    fake.failures.append(full(5))
    with pytest.raises(FaceClientError) as caught:
        list(client.detect_stream([b"x", bytes(1 << 20), b"xxx"]))
    assert caught.value.reason == "QUEUE_FULL"
    assert fake.calls == 1


def test_a_list_of_models_is_tried_again(client: FaceClient, fake: FakeServer) -> None:
    fake.failures.append(full(5))
    assert client.models()
    assert fake.calls == 2
