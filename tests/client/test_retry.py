"""Which calls are retried, and when."""

import asyncio
import threading
import time
from collections.abc import Iterator

import grpc
import pytest

from facewire.v1 import detect_pb2 as pb
from facewire_client import AsyncFaceClient, FaceClient, FaceClientError
from facewire_server.config import Config
from facewire_server.lifecycle.background import BackgroundServer
from tests.client.failure import Failure
from tests.client.fake_server import FakeServer
from tests.client.relay import relay


def full(pushback: int) -> Failure:
    """The error of a full server, with a pushback in milliseconds."""
    return Failure(grpc.StatusCode.RESOURCE_EXHAUSTED, "QUEUE_FULL", pushback=pushback)


UNAVAILABLE = Failure(grpc.StatusCode.UNAVAILABLE, "SHUTTING_DOWN")
CANCELLED = Failure(grpc.StatusCode.CANCELLED, "")


def test_a_call_to_a_full_server_is_retried_after_the_pushback(
    client: FaceClient, fake: FakeServer
) -> None:
    fake.failures.extend([full(5), full(5)])
    client.detect(b"x")
    assert fake.calls == 3


def test_a_negative_pushback_forbids_a_retry(client: FaceClient, fake: FakeServer) -> None:
    fake.failures.append(full(-1))
    with pytest.raises(FaceClientError) as caught:
        client.detect(b"x")
    assert caught.value.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert caught.value.reason == "QUEUE_FULL"
    assert fake.calls == 1


@pytest.mark.parametrize("failure", [UNAVAILABLE, CANCELLED])
def test_a_call_to_a_server_that_stops_is_retried(
    client: FaceClient, fake: FakeServer, failure: Failure
) -> None:
    fake.failures.append(failure)
    client.detect(b"x")
    assert fake.calls == 2


@pytest.mark.parametrize("failure", [UNAVAILABLE, CANCELLED])
def test_an_asynchronous_call_to_a_server_that_stops_is_retried(
    fake: FakeServer, failure: Failure
) -> None:
    async def main() -> None:
        async with AsyncFaceClient(fake.target) as client:
            await client.detect(b"x")

    fake.failures.append(failure)
    asyncio.run(main())
    assert fake.calls == 2


def test_a_call_is_sent_five_times_at_most(client: FaceClient, fake: FakeServer) -> None:
    fake.failures.extend([full(1)] * 9)
    with pytest.raises(FaceClientError) as caught:
        client.detect(b"x")
    assert caught.value.reason == "QUEUE_FULL"
    assert fake.calls == 5


def test_an_invalid_request_is_not_retried(client: FaceClient, fake: FakeServer) -> None:
    fake.failures.append(Failure(grpc.StatusCode.INVALID_ARGUMENT, "CORRUPT_IMAGE"))
    with pytest.raises(FaceClientError):
        client.detect(b"x")
    assert fake.calls == 1


def test_a_pushback_beyond_the_timeout_ends_the_attempts_at_once(
    client: FaceClient, fake: FakeServer
) -> None:
    fake.failures.append(full(60_000))
    with pytest.raises(FaceClientError) as caught:
        client.detect(b"x", timeout=50)
    assert caught.value.reason == "QUEUE_FULL"
    assert fake.calls == 1


def test_attempts_share_the_timeout(client: FaceClient, fake: FakeServer) -> None:
    fake.failures.append(full(500))
    fake.answer = fake.hang
    with pytest.raises(FaceClientError) as caught:
        client.detect(b"x", timeout=2)
    assert caught.value.code is grpc.StatusCode.DEADLINE_EXCEEDED


def test_resource_exhausted_without_a_pushback_is_not_retried(
    client: FaceClient, fake: FakeServer
) -> None:
    fake.failures.append(Failure(grpc.StatusCode.RESOURCE_EXHAUSTED))
    with pytest.raises(FaceClientError):
        client.detect(b"x")
    assert fake.calls == 1


def test_the_largest_message_is_retried_whole(fake: FakeServer) -> None:
    fake.failures.append(full(5))
    request = pb.DetectRequest(encoded_image=bytes(1 << 20), options=pb.DetectOptions())
    image = bytes((2 << 20) - request.ByteSize())
    with FaceClient(fake.target, max_message_mb=1) as client:
        client.detect(image)
    assert fake.requests[-1].ByteSize() == 1 << 20
    assert fake.requests[-1].encoded_image == image
    assert fake.calls == 2


def test_a_stream_is_not_retried(client: FaceClient, fake: FakeServer) -> None:
    fake.failures.append(full(5))
    with pytest.raises(FaceClientError) as caught:
        list(client.detect_stream([b"x", bytes(1 << 20), b"xxx"]))
    assert caught.value.reason == "QUEUE_FULL"
    assert fake.calls == 1


def test_listing_the_models_is_retried(client: FaceClient, fake: FakeServer) -> None:
    fake.failures.append(full(5))
    assert client.models()
    assert fake.calls == 2


@pytest.fixture(scope="module")
def small() -> Iterator[BackgroundServer]:
    """A real server with a message limit of 1 MiB."""
    config = Config(port=0, metrics_port=None, max_message_mb=1)
    with BackgroundServer(config) as server:
        yield server


# Over twice the limit, gRPC refuses a message unread; below that, the server refuses it.
@pytest.mark.parametrize("mib", [1.5, 5])
def test_a_message_over_the_servers_limit_is_sent_once(small: BackgroundServer, mib: float) -> None:
    image = bytes(int(mib * (1 << 20)))
    with relay(small.target) as wire, FaceClient(wire.target) as client:
        with pytest.raises(FaceClientError) as caught:
            client.detect(image)
        assert client.health()  # all bytes sent before have arrived
    assert caught.value.reason == "MESSAGE_TOO_LARGE"
    assert wire.sent < len(image) + 100_000


def test_metadata_over_the_servers_limit_is_sent_once(
    small: BackgroundServer,
) -> None:
    token = "x" * 100_000
    with (
        relay(small.target) as wire,
        FaceClient(wire.target, token=token) as client,
        pytest.raises(FaceClientError) as caught,
    ):
        client.models()
    assert caught.value.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert wire.sent < 150_000


def test_the_asyncio_client_sends_a_message_over_the_limit_once(small: BackgroundServer) -> None:
    async def main(target: str) -> FaceClientError:
        async with AsyncFaceClient(target) as client:
            with pytest.raises(FaceClientError) as caught:
                await client.detect(bytes(5 << 20))
            return caught.value

    with relay(small.target) as wire:
        assert asyncio.run(main(wire.target)).reason == "MESSAGE_TOO_LARGE"
    assert wire.sent < (5 << 20) + 100_000


def test_a_closed_client_stops_retrying(fake: FakeServer) -> None:
    client = FaceClient(fake.target)

    def answer(request: pb.DetectRequest) -> pb.DetectResponse:
        threading.Thread(target=client.close).start()
        raise full(20_000)

    fake.answer = answer
    # The answer's own error, if the client is closed before it looks at that.
    with pytest.raises((ValueError, FaceClientError), match="closed|QUEUE_FULL"):
        client.detect(b"x")
    assert fake.calls == 1


def test_a_call_that_the_client_itself_cancels_is_not_retried(
    client: FaceClient, fake: FakeServer
) -> None:
    fake.answer = fake.hang
    closing = threading.Thread(target=close_once_asked, args=(client, fake))
    closing.start()
    with pytest.raises(FaceClientError) as caught:
        client.detect(b"x")
    closing.join()
    assert caught.value.code is grpc.StatusCode.CANCELLED


def close_once_asked(client: FaceClient, fake: FakeServer) -> None:
    while not fake.calls:
        time.sleep(0.01)
    client.close()
