"""Streams that the server or the client ends early."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import aclosing

import grpc
import pytest

from facewire.v1 import detect_pb2 as pb
from facewire_client import AsyncFaceClient, FaceClient, FaceClientError
from facewire_client.request import Image
from tests.client.fake_server import FakeServer


class Hasty(FakeServer):
    """Answers the first image of a stream and ends the stream with OK."""

    def DetectStream(
        self,
        request_iterator: Iterator[pb.DetectStreamRequest],
        context: grpc.ServicerContext,
    ) -> Iterator[pb.DetectStreamResponse]:
        frame = next(request_iterator)
        response = pb.DetectResponse()
        yield pb.DetectStreamResponse(frame_id=frame.frame_id, response=response)


@pytest.fixture
def hasty() -> Iterator[FakeServer]:
    with Hasty() as server:
        yield server


def test_a_server_that_ends_a_stream_early_is_an_error(hasty: FakeServer) -> None:
    with FaceClient(hasty.target) as client:
        stream = client.detect_stream([b"x", b"x", b"x"])
        assert next(stream).frame_id == 0
        with pytest.raises(FaceClientError, match="before it had answered all images"):
            next(stream)


def test_a_server_that_ends_an_asyncio_stream_early_is_an_error(hasty: FakeServer) -> None:
    async def main() -> None:
        async with (
            AsyncFaceClient(hasty.target) as client,
            aclosing(client.detect_stream([b"x", b"x", b"x"])) as stream,
        ):
            assert (await anext(stream)).frame_id == 0
            with pytest.raises(FaceClientError, match="before it had answered all"):
                await anext(stream)

    asyncio.run(main())


def test_closing_the_client_ends_a_stream_that_waits_for_an_image(
    fake: FakeServer,
) -> None:
    over = threading.Event()
    client = FaceClient(fake.target)

    def images() -> Iterator[Image]:
        yield b"x"
        over.wait(60)

    stream = client.detect_stream(images())
    next(stream)
    closing = threading.Timer(0.1, client.close)
    closing.start()
    with pytest.raises(FaceClientError) as caught:
        next(stream)
    assert caught.value.code is grpc.StatusCode.CANCELLED
    over.set()
    closing.join(60)
