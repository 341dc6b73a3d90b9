"""Clients that are closed, before a call and during one."""

import asyncio
import threading

import grpc
import pytest

from facewire.v1 import detect_pb2 as pb
from facewire_client import AsyncFaceClient, FaceClient, FaceClientError
from tests.client.fake_server import FakeServer


def test_a_closed_client_takes_no_calls(fake: FakeServer) -> None:
    client = FaceClient(fake.target)
    client.detect(b"x")
    client.close()
    for call in (
        lambda: client.detect(b"x"),
        client.models,
        client.model,
        client.health,
        lambda: list(client.detect_stream([b"x"])),
    ):
        with pytest.raises(ValueError, match=f"client of {fake.target} is closed"):
            call()
    client.close()


def test_nor_does_one_of_asyncio(fake: FakeServer) -> None:
    async def main() -> None:
        client = AsyncFaceClient(fake.target)
        await client.detect(b"x")
        await client.close()
        for call in (
            lambda: client.detect(b"x"),
            client.models,
            client.model,
            client.health,
            lambda: anext(client.detect_stream([b"x"])),
        ):
            with pytest.raises(ValueError, match=f"client of {fake.target} is closed"):
                await call()
        await client.close()

    asyncio.run(main())


class Hung:
    """An `answer` that tells when it was asked for, and does not come."""

    def __init__(self, fake: FakeServer) -> None:
        self.asked = threading.Event()
        self._fake = fake

    def __call__(self, request: pb.DetectRequest) -> pb.DetectResponse:
        self.asked.set()
        return self._fake.hang(request)


@pytest.mark.parametrize("streams", [False, True])
def test_closing_on_asyncio_ends_a_call_but_does_not_cancel_its_task(
    fake: FakeServer, streams: bool
) -> None:
    fake.answer = hung = Hung(fake)

    async def call(client: AsyncFaceClient) -> object:
        if streams:
            return [answer async for answer in client.detect_stream([b"x"])]
        return await client.detect(b"x")

    async def main() -> FaceClientError:
        client = AsyncFaceClient(fake.target)
        task = asyncio.create_task(call(client))
        assert await asyncio.to_thread(hung.asked.wait, 60)
        await client.close()
        with pytest.raises(FaceClientError, match="closed") as caught:
            await task
        return caught.value

    assert asyncio.run(main()).code is grpc.StatusCode.CANCELLED


def test_a_task_that_is_cancelled_is_cancelled(fake: FakeServer) -> None:
    fake.answer = hung = Hung(fake)

    async def main() -> None:
        async with AsyncFaceClient(fake.target) as client:
            task = asyncio.create_task(client.detect(b"x"))
            assert await asyncio.to_thread(hung.asked.wait, 60)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())
