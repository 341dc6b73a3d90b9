"""Images of a stream that cannot be sent: each has its error in its place."""

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import aclosing
from functools import partial

import pytest

from facewire_client import AsyncFaceClient, FaceClient, FaceClientError, StreamResult
from facewire_client.request import Image
from tests.client.fake_server import FakeServer, break_after
from tests.client.test_stream import reasons

BAD: Image = "absent.jpg"
Answers = Callable[..., list[StreamResult]]


def blocking(
    target: str, images: Iterable[Image], *, window: int = 16, drop_oldest: bool = False
) -> list[StreamResult]:
    with FaceClient(target, max_message_mb=1) as client:
        stream = client.detect_stream(images, window=window, drop_oldest=drop_oldest)
        return list(stream)


def asynchronous(
    target: str, images: Iterable[Image], *, window: int = 16, drop_oldest: bool = False
) -> list[StreamResult]:
    async def main() -> list[StreamResult]:
        async with AsyncFaceClient(target, max_message_mb=1) as client:
            stream = client.detect_stream(images, window=window, drop_oldest=drop_oldest)
            return [answer async for answer in stream]

    return asyncio.run(main())


both = pytest.mark.parametrize("answers", [blocking, asynchronous])


class Counted:
    """An endless iterable of bad images that counts how many were read."""

    def __init__(self) -> None:
        self.read = 0

    def __iter__(self) -> Iterator[Image]:
        while True:
            self.read += 1
            yield BAD


@both
@pytest.mark.parametrize("drop_oldest", [False, True])
def test_only_images_that_can_be_sent_are_sent(
    fake: FakeServer, answers: Answers, drop_oldest: bool
) -> None:
    images: list[Image] = [BAD, b"x", BAD, bytes(1 << 20), b"xx", b"xxx", BAD]
    results = answers(fake.target, images, drop_oldest=drop_oldest)
    absent, large = "UNREADABLE_FILE", "MESSAGE_TOO_LARGE"
    assert reasons(results) == [absent, "", absent, large, "", "", absent]
    assert [answer.frame_id for answer in results] == list(range(7))
    sizes = [answer.result.image_size[0] for answer in results if answer.result]
    assert sizes == [1, 2, 3]
    assert [request.encoded_image for request in fake.requests] == [*(b"x", b"xx", b"xxx")]
    assert len(fake.policies) == 3


@both
@pytest.mark.parametrize("window", [1, 3])
def test_a_stream_of_unsendable_images_has_results_and_ends(
    fake: FakeServer, answers: Answers, window: int
) -> None:
    results = answers(fake.target, [BAD] * 40, window=window)
    assert reasons(results) == ["UNREADABLE_FILE"] * 40
    assert [answer.frame_id for answer in results] == list(range(40))
    assert fake.policies == []


def test_the_error_comes_before_the_next_image_is_read(client: FaceClient) -> None:
    answered = threading.Event()

    def images() -> Iterator[Image]:
        yield BAD
        assert answered.wait(60)
        yield b"x"

    stream = client.detect_stream(images())
    assert next(stream).error is not None
    answered.set()
    assert next(stream).result is not None
    assert list(stream) == []


def test_images_are_read_no_more_than_the_window_ahead(client: FaceClient) -> None:
    images = Counted()
    stream = client.detect_stream(images, window=3)
    for taken in range(1, 6):
        next(stream)
        assert taken <= images.read <= taken + 3
    stream.close()


def test_asyncio_images_are_read_no_more_than_the_window_ahead(fake: FakeServer) -> None:
    async def main() -> None:
        images = Counted()
        async with (
            AsyncFaceClient(fake.target) as client,
            aclosing(client.detect_stream(images, window=3)) as stream,
        ):
            for taken in range(1, 6):
                await anext(stream)
                assert taken <= images.read <= taken + 3

    asyncio.run(main())


@both
def test_a_broken_stream_is_an_error_after_the_last_image(
    fake: FakeServer, answers: Answers
) -> None:
    fake.answer = partial(break_after, 1, fake)
    with pytest.raises(FaceClientError) as caught:
        answers(fake.target, [b"x", BAD, b"x", BAD])
    assert caught.value.reason == "SHUTTING_DOWN"


def test_a_broken_stream_is_an_error_while_the_next_image_is_awaited(
    client: FaceClient, fake: FakeServer
) -> None:
    fake.answer = partial(break_after, 1, fake)
    over = threading.Event()

    def images() -> Iterator[Image]:
        yield from (b"x", BAD, b"x")
        over.wait(60)

    with pytest.raises(FaceClientError) as caught:
        list(client.detect_stream(images()))
    assert caught.value.reason == "SHUTTING_DOWN"
    over.set()
