"""Photos on their way: what is asked, kept, told, and how little is held."""

import tracemalloc
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import grpc
import numpy as np
import pytest

from facewire.v1 import detect_pb2 as pb
from facewire_client import FaceClient, FaceClientError
from facewire_client.evaluation.answers import AnswerFile
from facewire_client.evaluation.dataset import Photo
from facewire_client.evaluation.sending import Answers, Question, ask
from facewire_client.request import DetectOptions
from tests.client.failure import Failure
from tests.client.fake_server import FakeServer, break_after

OPTIONS = DetectOptions(min_confidence=0.25, max_detections=7)


def photos(folder: Path, *contents: bytes) -> list[Photo]:
    """Photos without faces, of these contents."""
    result = []
    for number, content in enumerate(contents):
        path = folder / f"{number}.jpg"
        path.write_bytes(content)
        result.append(Photo(path.name, path, np.zeros((0, 4)), np.zeros(0, bool)))
    return result


@pytest.fixture
def file(tmp_path: Path) -> Iterator[AnswerFile]:
    with AnswerFile(tmp_path / "answers.jsonl") as opened:
        yield opened


def sent(client: FaceClient, asked: list[Photo], file: AnswerFile) -> Answers:
    return ask(client, asked, Question.to(client, OPTIONS), file, 30, lambda count: None)


def kinds(answers: Answers) -> list[tuple[str, str]]:
    return [(each.kind.partition(",")[0], each.photo) for each in answers.problems]


def test_answers_are_in_the_order_of_the_photos_and_asked_once(
    client: FaceClient, fake: FakeServer, file: AnswerFile, tmp_path: Path
) -> None:
    asked = photos(tmp_path, b"1", b"22", b"333")
    assert [each.size for each in sent(client, asked, file).answers] == [(1, 0), (2, 0), (3, 0)]
    request = fake.requests[0]
    assert request.options.min_confidence == 0.25
    assert request.options.max_detections == 7
    again = sent(client, asked, file)
    assert (again.reused, again.missing, len(fake.requests)) == (3, 0, 3)


def test_a_broken_photo_is_told_and_kept(
    client: FaceClient, fake: FakeServer, file: AnswerFile, tmp_path: Path
) -> None:
    asked = photos(tmp_path, b"corrupt", b"22")
    for _ in range(2):
        answers = sent(client, asked, file)
        assert kinds(answers) == [("cannot be read", "0.jpg")]
        assert (len(answers.answers[0].found), answers.missing) == (0, 0)
    assert len(fake.requests) == 2


def test_a_photo_that_the_server_had_no_room_for_is_asked_again(
    client: FaceClient, fake: FakeServer, file: AnswerFile, tmp_path: Path
) -> None:
    def full(request: pb.DetectRequest) -> pb.DetectResponse:
        raise Failure(grpc.StatusCode.RESOURCE_EXHAUSTED, "OUT_OF_MEMORY")

    asked = photos(tmp_path, b"1")
    answer, fake.answer = fake.answer, full
    answers = sent(client, asked, file)
    assert (kinds(answers), answers.missing) == ([("not answered", "0.jpg")], 1)
    fake.answer = answer
    assert sent(client, asked, file).missing == 0


def test_a_stream_that_breaks_goes_on_where_it_was(
    client: FaceClient, fake: FakeServer, file: AnswerFile, tmp_path: Path
) -> None:
    asked = photos(tmp_path, *(b"1" * size for size in range(1, 9)))
    answer, fake.answer = fake.answer, partial(break_after, 5, fake)
    answers = sent(client, asked, file)
    assert answers.broken is not None
    assert answers.missing == 3
    fake.answer = answer
    rest = sent(client, asked, file)
    assert (rest.reused, rest.missing, rest.broken) == (5, 0, None)


def test_an_option_that_is_refused_is_the_error(
    client: FaceClient, fake: FakeServer, file: AnswerFile, tmp_path: Path
) -> None:
    def refuse(request: pb.DetectRequest) -> pb.DetectResponse:
        raise Failure(grpc.StatusCode.INVALID_ARGUMENT, "BAD_OPTION")

    fake.answer = refuse
    with pytest.raises(FaceClientError) as caught:
        sent(client, photos(tmp_path, b"1"), file)
    assert caught.value.reason == "BAD_OPTION"


def test_a_photo_annotated_in_another_size_is_told(
    client: FaceClient, file: AnswerFile, tmp_path: Path
) -> None:
    (photo,) = photos(tmp_path, b"1")
    sized = Photo(photo.name, photo.path, photo.boxes, photo.ignored, size=(9, 9))
    assert kinds(sent(client, [sized], file)) == [("annotated in another size", "0.jpg")]


def test_no_more_photos_are_in_memory_than_the_window_has(
    fake: FakeServer, file: AnswerFile, tmp_path: Path
) -> None:
    size, count = 1 << 16, 400
    asked = photos(tmp_path, *([bytes(size)] * count))

    def forget(request: pb.DetectRequest) -> pb.DetectResponse:
        fake.requests.clear()  # it is in this process, too
        return pb.DetectResponse(image_width=1, image_height=1)

    fake.answer = forget
    tracemalloc.start()
    try:
        # A file is read into a buffer of the largest message's size, which shrinks then.
        with FaceClient(fake.target, max_message_mb=1) as client:
            answers = sent(client, asked, file)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(answers.answers) == count
    # A photo is in memory as a file, a message and serialised, on both sides.
    assert peak < size * count / 2
