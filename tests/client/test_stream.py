"""FaceClient.detect_stream: order, window, errors and end."""

import sys
import threading
from collections.abc import Iterator
from functools import partial

import grpc
import pytest

from facewire.v1 import detect_pb2 as pb
from facewire_client import FaceClient, FaceClientError, StreamResult
from facewire_client.request import Image
from tests.client.fake_server import FakeServer, break_after
from tests.client.images import Endless, broken


def reasons(answers: list[StreamResult]) -> list[str]:
    """Return the reason of each result with an error, "" for the others."""
    return [answer.error.reason if answer.error else "" for answer in answers]


def test_answers_come_in_the_order_of_the_images(client: FaceClient) -> None:
    sizes = [5, 1, 4, 2, 3] * 20
    answers = list(client.detect_stream(bytes(size) for size in sizes))
    assert [answer.frame_id for answer in answers] == list(range(100))
    assert [answer.unwrap().image_size[0] for answer in answers] == sizes


def test_a_result_comes_before_the_next_image_is_read(client: FaceClient) -> None:
    answered = threading.Event()

    def images() -> Iterator[bytes]:
        yield b"x"
        assert answered.wait(60)
        yield b"xx"

    answers = client.detect_stream(images())
    assert next(answers).frame_id == 0
    answered.set()
    assert next(answers).frame_id == 1
    assert list(answers) == []


def test_a_stream_without_images_ends_at_once(client: FaceClient) -> None:
    assert list(client.detect_stream([])) == []


def test_the_options_hold_for_every_image(client: FaceClient, fake: FakeServer) -> None:
    list(client.detect_stream([b"x", b"x"], model="large", min_confidence=0))
    for request in fake.requests:
        assert request.model == "large"
        assert request.options == pb.DetectOptions(min_confidence=0)


@pytest.mark.parametrize("window", [1, 4])
def test_images_are_read_no_more_than_the_window_ahead(client: FaceClient, window: int) -> None:
    images = Endless()
    answers = client.detect_stream(images, window=window)
    for taken in range(1, 4):
        next(answers)
        images.wait(taken + window)
    answers.close()


def test_a_window_of_zero_is_refused(client: FaceClient) -> None:
    with pytest.raises(ValueError, match="window must be at least 1, not 0"):
        client.detect_stream([], window=0)


def test_no_image_is_read_before_the_first_result_is_taken(
    client: FaceClient, fake: FakeServer
) -> None:
    images = Endless()
    client.detect_stream(images).close()
    assert images.read == 0
    assert fake.calls == 0


def test_closing_early_cancels_the_call_and_ends_the_thread(
    client: FaceClient, fake: FakeServer
) -> None:
    images = Endless()
    answers = client.detect_stream(images, window=2)
    next(answers)
    fake.answer = fake.hang
    answers.close()
    assert fake.stream_ended.wait(60)
    assert images.reader is not None
    images.reader.join(10)
    assert not images.reader.is_alive()
    assert client.health()


def test_leaving_the_loop_cancels_the_call(client: FaceClient, fake: FakeServer) -> None:
    for _ in client.detect_stream(Endless()):
        break
    assert fake.stream_ended.wait(60)


def test_a_system_exit_of_the_images_ends_the_stream(client: FaceClient) -> None:
    def images() -> Iterator[bytes]:
        yield b"x"
        sys.exit(3)

    with pytest.raises(SystemExit):
        list(client.detect_stream(images()))


def test_an_exception_of_the_images_comes_after_the_results_before_it(
    client: FaceClient,
) -> None:
    answers = client.detect_stream(broken(b"x", b"xx"))
    assert [next(answers).frame_id, next(answers).frame_id] == [0, 1]
    with pytest.raises(OSError, match="the camera is gone"):
        next(answers)


def test_an_image_that_the_server_refuses_keeps_the_stream_going(
    client: FaceClient,
) -> None:
    answers = list(client.detect_stream([b"x", b"corrupt", b"x"]))
    assert reasons(answers) == ["", "CORRUPT_IMAGE", ""]
    assert answers[1].result is None
    with pytest.raises(FaceClientError, match="as told") as caught:
        answers[1].unwrap()
    assert caught.value.code is grpc.StatusCode.INVALID_ARGUMENT


def test_an_image_that_cannot_be_sent_keeps_the_stream_going(
    fake: FakeServer,
) -> None:
    images: list[Image] = [
        b"x",
        "absent.jpg",
        bytes(1 << 20),
        memoryview(b"xy").cast("b"),
        b"x",
    ]
    with FaceClient(fake.target, max_message_mb=1) as client:
        answers = list(client.detect_stream(images))
    expected = ["", "UNREADABLE_FILE", "MESSAGE_TOO_LARGE", "BAD_RAW_IMAGE", ""]
    assert reasons(answers) == expected
    assert [answer.frame_id for answer in answers] == [0, 1, 2, 3, 4]


def test_a_stream_that_breaks_is_an_error_and_ends_the_thread(
    client: FaceClient, fake: FakeServer
) -> None:
    images = Endless()
    fake.answer = partial(break_after, 20, fake)
    with pytest.raises(FaceClientError) as caught:
        list(client.detect_stream(images))
    assert caught.value.reason == "SHUTTING_DOWN"
    assert images.reader is not None
    images.reader.join(10)
    assert not images.reader.is_alive()


@pytest.mark.parametrize(
    ("drop_oldest", "policy"),
    [
        (False, pb.OVERFLOW_POLICY_WAIT),
        (True, pb.OVERFLOW_POLICY_DROP_OLDEST),
    ],
)
def test_drop_oldest_sets_the_policy(
    client: FaceClient, fake: FakeServer, drop_oldest: bool, policy: int
) -> None:
    list(client.detect_stream([b"x"], drop_oldest=drop_oldest))
    assert fake.policies == [policy]


def test_the_timeout_is_for_the_whole_stream(client: FaceClient, fake: FakeServer) -> None:
    fake.answer = fake.hang
    with pytest.raises(FaceClientError) as caught:
        list(client.detect_stream([b"x"], timeout=0.1))
    assert caught.value.code is grpc.StatusCode.DEADLINE_EXCEEDED


def test_the_timeout_of_the_client_is_not_for_streams(fake: FakeServer) -> None:
    with FaceClient(fake.target, timeout=0) as client:
        assert len(list(client.detect_stream([b"x"]))) == 1
