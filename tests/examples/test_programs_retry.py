"""The six programs ask again: a full server when it says so, and one that stopped just now."""

from functools import partial
from pathlib import Path

import grpc
import pytest

from facewire.v1 import detect_pb2 as pb
from tests.client.failure import Failure
from tests.client.fake_server import FakeServer, break_after
from tests.examples.programs import Program, failed

FULL = partial(Failure, grpc.StatusCode.RESOURCE_EXHAUSTED, "QUEUE_FULL")

CANCELLED = Failure(grpc.StatusCode.CANCELLED)
"""What a server that stops does to calls that it has not begun."""


def with_landmarks(request: pb.DetectRequest) -> pb.DetectResponse:
    """Answer with one face; the width is the number of bytes."""
    face = pb.Detection(confidence=0.75, label="face", class_id=3, landmarks=[pb.Point(x=-1, y=2)])
    face.box.CopyFrom(pb.BoundingBox(x_min=0.1, y_min=2, x_max=3.5, y_max=4))
    width = len(request.encoded_image)
    return pb.DetectResponse(detections=[face], image_width=width, model_name="m")


# Programs keep a message to send it again, and by default most libraries keep no large one.
@pytest.mark.parametrize("size", [10, 3 << 20])
def test_a_photo_is_sent_again_when_a_full_server_asks_for_it(
    program: Program, fake: FakeServer, tmp_path: Path, size: int
) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(bytes(size))
    fake.answer = with_landmarks
    fake.failures.extend([FULL(pushback=20), FULL(pushback=10)])
    output = program("--server", fake.target, photo)
    (line,) = output.lines
    assert line["width"] == size
    (face,) = line["faces"]
    assert face["box"][1:] == [2, 3.5, 4]
    assert face["landmarks"] == [[-1, 2]]
    assert (face["confidence"], face["label"], face["class_id"]) == (0.75, "face", 3)
    assert (output.status, fake.calls) == (0, 3)


def test_a_server_that_asks_for_no_retry_is_not_asked_again(
    program: Program, fake: FakeServer, tmp_path: Path
) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"photo")
    fake.failures.append(FULL(pushback=-1))
    output = program("--server", fake.target, photo)
    assert output.lines == [failed(photo, "RESOURCE_EXHAUSTED", "QUEUE_FULL", "as told")]
    assert (output.status, fake.calls) == (1, 1)


def test_a_server_that_stays_full_is_asked_five_times(
    program: Program, fake: FakeServer, tmp_path: Path
) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"photo")
    fake.failures.extend([FULL(pushback=1)] * 10)
    output = program("--server", fake.target, photo)
    assert output.faults == [("RESOURCE_EXHAUSTED", "QUEUE_FULL")]
    assert (output.status, fake.calls) == (1, 5)


def test_a_photo_is_sent_again_when_a_server_that_stops_cancels_its_call(
    program: Program, fake: FakeServer, tmp_path: Path
) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"photo")
    fake.failures.append(CANCELLED)
    output = program("--server", fake.target, photo)
    assert [line["width"] for line in output.lines] == [5]
    assert (output.status, fake.calls) == (0, 2)


def test_a_stream_that_the_server_cancels_is_not_sent_again(
    program: Program, fake: FakeServer, tmp_path: Path
) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"photo")
    fake.failures.append(CANCELLED)
    output = program("--server", fake.target, tmp_path)
    assert output.lines == [failed(photo, "CANCELLED")]
    assert (output.status, fake.calls) == (1, 1)


def test_a_call_ends_at_its_deadline(program: Program, fake: FakeServer, tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"photo")
    fake.answer = fake.hang
    output = program("--server", fake.target, "--timeout", "0.5", photo, tmp_path)
    assert output.lines == [failed(photo, "DEADLINE_EXCEEDED")] * 2
    assert output.status == 1
    assert fake.calls <= 2  # a call that the program itself gives up is not sent again


def test_the_photos_after_the_end_of_a_stream_have_its_error(
    program: Program, fake: FakeServer, tmp_path: Path
) -> None:
    photos = [tmp_path / f"{number}.jpg" for number in range(5)]
    for photo in photos:
        photo.write_bytes(b"photo")
    fake.answer = partial(break_after, 3, fake)
    output = program("--server", fake.target, tmp_path)
    assert [line.get("width") for line in output.lines[:3]] == [5, 5, 5]
    failure = "UNAVAILABLE", "SHUTTING_DOWN", "as told"
    assert output.lines[3:] == [failed(photo, *failure) for photo in photos[3:]]
    assert output.status == 1
