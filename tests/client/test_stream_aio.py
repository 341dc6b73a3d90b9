"""AsyncFaceClient.detect_stream: order, window, errors and end."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from contextlib import aclosing
from functools import partial

import grpc
import pytest

from facewire.v1 import detect_pb2 as pb
from facewire_client import AsyncFaceClient, FaceClientError, StreamResult
from facewire_client.request import Image
from tests.client.failure import Failure
from tests.client.fake_server import FakeServer, break_after
from tests.client.images import Endless, broken
from tests.client.test_stream import reasons


async def each(images: Iterable[bytes]) -> AsyncIterator[bytes]:
    for image in images:
        yield image


def answers(
    target: str,
    images: Iterable[Image] | AsyncIterable[Image],
    *,
    drop_oldest: bool = False,
    timeout: float | None = None,
) -> list[StreamResult]:
    """Return all results of one stream, made by a client of its own."""

    async def main() -> list[StreamResult]:
        async with AsyncFaceClient(target, max_message_mb=1) as client:
            stream = client.detect_stream(images, drop_oldest=drop_oldest, timeout=timeout)
            return [answer async for answer in stream]

    return asyncio.run(main())


def test_answers_come_in_the_order_of_the_images(fake: FakeServer) -> None:
    sizes = [5, 1, 4, 2, 3] * 20
    for images in map(bytes, sizes), each(map(bytes, sizes)):
        results = answers(fake.target, images)
        assert [answer.frame_id for answer in results] == list(range(100))
        assert [answer.unwrap().image_size[0] for answer in results] == sizes


def test_a_stream_without_images_ends_at_once(fake: FakeServer) -> None:
    assert answers(fake.target, []) == []


@pytest.mark.parametrize("window", [1, 4])
def test_images_are_read_no_more_than_the_window_ahead(fake: FakeServer, window: int) -> None:
    async def main() -> None:
        images = Endless()
        async with (
            AsyncFaceClient(fake.target) as client,
            aclosing(client.detect_stream(images, window=window)) as stream,
        ):
            for taken in range(1, 4):
                await anext(stream)
                await asyncio.to_thread(images.wait, taken + window)

    asyncio.run(main())


def test_a_window_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="window must be at least 1, not 0"):
        AsyncFaceClient("127.0.0.1:1").detect_stream([], window=0)


def test_closing_early_cancels_the_call_and_leaves_no_task(fake: FakeServer) -> None:
    async def main() -> None:
        async with AsyncFaceClient(fake.target) as client:
            before = asyncio.all_tasks()
            async with aclosing(client.detect_stream(Endless(), window=2)) as stream:
                await anext(stream)
            # The client is still open, so it is not its closing that ends the tasks.
            async with asyncio.timeout(60):
                while asyncio.all_tasks() != before:
                    await asyncio.sleep(0.01)
            assert await asyncio.to_thread(fake.stream_ended.wait, 60)

    asyncio.run(main())


def test_an_exception_of_the_images_comes_after_the_results_before_it(
    fake: FakeServer,
) -> None:
    async def main() -> None:
        async with AsyncFaceClient(fake.target) as client:
            stream = client.detect_stream(each(broken(b"x", b"xx")))
            assert (await anext(stream)).frame_id == 0
            assert (await anext(stream)).frame_id == 1
            with pytest.raises(OSError, match="the camera is gone"):
                await anext(stream)

    asyncio.run(main())


def test_a_cancelled_error_of_the_images_ends_the_stream(fake: FakeServer) -> None:
    async def images() -> AsyncIterator[bytes]:
        yield b"x"
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        answers(fake.target, images())


def test_an_image_that_fails_keeps_the_stream_going(fake: FakeServer) -> None:
    images: list[Image] = [b"x", b"corrupt", "absent.jpg", bytes(1 << 20), b"x"]
    expected = ["", "CORRUPT_IMAGE", "UNREADABLE_FILE", "MESSAGE_TOO_LARGE", ""]
    assert reasons(answers(fake.target, images)) == expected


def test_a_stream_that_breaks_is_an_error(fake: FakeServer) -> None:
    fake.answer = partial(break_after, 20, fake)
    # Repeated, because a write fails at the same moment, which hides the reason, in about one
    # run of seven.
    for _ in range(20):
        fake.requests.clear()
        with pytest.raises(FaceClientError) as caught:
            answers(fake.target, Endless())
        assert caught.value.reason == "SHUTTING_DOWN"


def test_a_stream_is_not_retried(fake: FakeServer) -> None:
    full = Failure(grpc.StatusCode.RESOURCE_EXHAUSTED, "QUEUE_FULL", pushback=5)
    fake.failures.append(full)
    with pytest.raises(FaceClientError) as caught:
        answers(fake.target, [b"x", b"xx"])
    assert caught.value.reason == "QUEUE_FULL"
    assert fake.calls == 1


def test_drop_oldest_sets_the_policy(fake: FakeServer) -> None:
    answers(fake.target, [b"x"])
    answers(fake.target, [b"x"], drop_oldest=True)
    policies = [pb.OVERFLOW_POLICY_WAIT, pb.OVERFLOW_POLICY_DROP_OLDEST]
    assert fake.policies == policies


def test_the_timeout_is_for_the_whole_stream(fake: FakeServer) -> None:
    fake.answer = fake.hang
    with pytest.raises(FaceClientError) as caught:
        answers(fake.target, [b"x"], timeout=0.1)
    assert caught.value.code is grpc.StatusCode.DEADLINE_EXCEEDED
