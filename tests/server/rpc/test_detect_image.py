"""DetectImage answers as Detect does for the same bytes."""

import grpc
import numpy as np
import pytest
from google.api.httpbody_pb2 import HttpBody
from google.protobuf.message import DecodeError

from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_server.lifecycle.background import BackgroundServer
from facewire_server.rpc.message_parser import PATHS, cut_out
from tests.server.rpc_errors import reason
from tests.server.scrape import scrape


def image(data: bytes, content_type: str = "") -> HttpBody:
    return HttpBody(content_type=content_type, data=data)


@pytest.mark.parametrize("content_type", ["", "image/jpeg", "application/x-www-form-urlencoded"])
@pytest.mark.parametrize("options", [None, pb.DetectOptions(min_confidence=0)])
def test_the_answer_is_that_of_detect_whatever_the_content_type(
    stub: DetectServiceStub, photo: bytes, content_type: str, options: pb.DetectOptions | None
) -> None:
    name = stub.GetModel(pb.GetModelRequest()).model.name
    asked = pb.DetectRequest(encoded_image=photo, model=name, options=options)
    request = pb.DetectImageRequest(image=image(photo, content_type), model=name, options=options)
    answer, expected = stub.DetectImage(request), stub.Detect(asked)
    for each in (answer, expected):
        each.ClearField("timing")
    assert answer.detections
    assert answer == expected


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (pb.DetectImageRequest(), "EMPTY_IMAGE"),
        (pb.DetectImageRequest(image=image(b"", "image/jpeg")), "EMPTY_IMAGE"),
        (pb.DetectImageRequest(image=image(b"no image")), "UNSUPPORTED_FORMAT"),
        (pb.DetectImageRequest(image=image(b"\xff\xd8\xff\xe0")), "CORRUPT_IMAGE"),
        (pb.DetectImageRequest(image=image(b"x"), model="other"), "UNKNOWN_MODEL"),
        (
            pb.DetectImageRequest(image=image(b"x"), options=pb.DetectOptions(min_confidence=2)),
            "BAD_OPTION",
        ),
        (pb.DetectImageRequest(image=image(bytes(2**20))), "MESSAGE_TOO_LARGE"),
    ],
)
def test_errors_are_those_of_detect(
    stub: DetectServiceStub, request_: pb.DetectImageRequest, expected: str
) -> None:
    with pytest.raises(grpc.RpcError) as error:
        stub.DetectImage(request_)
    assert reason(error.value)[1] == expected


def test_the_image_is_a_view_of_the_message(photo: bytes) -> None:
    request = pb.DetectImageRequest(image=image(photo, "image/jpeg"), model="x")
    data = request.SerializeToString()
    rest, found = cut_out(data, PATHS["DetectImage"])
    assert isinstance(found, memoryview)
    assert found.obj is data
    assert found == photo
    left = pb.DetectImageRequest.FromString(rest)
    assert (left.model, left.image.content_type, left.image.data) == ("x", "image/jpeg", b"")


def test_any_bytes_without_their_image_are_what_protobuf_says_they_are() -> None:
    random = np.random.default_rng(0)
    seeds = [
        pb.DetectImageRequest(image=image(b"x" * 9, "image/jpeg"), model="m").SerializeToString(),
        pb.DetectImageRequest(image=HttpBody(data=b"yz")).SerializeToString(),
        pb.DetectImageRequest(options=pb.DetectOptions(max_detections=3)).SerializeToString(),
    ]
    cuts = 0
    for _ in range(5000):
        chosen = [seeds[index] for index in random.integers(len(seeds), size=2)]
        data = np.frombuffer(b"".join(chosen), np.uint8).copy()
        where = random.integers(len(data), size=random.integers(3))
        data[where] = random.choice([*range(32), 127, 128, 255], size=len(where))
        rest, cut = cut_out(data.tobytes(), PATHS["DetectImage"])
        whole, left = parsed(data.tobytes()), parsed(rest)
        assert (left is None) == (whole is None)
        if whole is not None and left is not None and cut is not None:
            left.image.data = bytes(cut)
            cuts += 1
        assert left == whole
    assert cuts > 100


def parsed(data: bytes) -> pb.DetectImageRequest | None:
    try:
        return pb.DetectImageRequest.FromString(data)
    except DecodeError:
        return None


def test_an_image_in_an_unusual_message_is_found(stub: DetectServiceStub, photo: bytes) -> None:
    """Fields that are there twice are merged, as protobuf does."""
    whole = pb.DetectImageRequest(image=image(photo)).SerializeToString()
    first = pb.DetectImageRequest(image=image(b"x", "image/png")).SerializeToString()
    assert cut_out(first + whole, PATHS["DetectImage"])[1] is None
    answer = stub.DetectImage(pb.DetectImageRequest.FromString(first + whole))
    assert len(answer.detections) == 1


def test_it_is_counted_under_its_own_method(
    server: BackgroundServer, stub: DetectServiceStub, photo: bytes
) -> None:
    model = stub.GetModel(pb.GetModelRequest()).model.name
    name = f'facewire_requests_total{{code="OK",method="DetectImage",model="{model}"}}'
    before = scrape(server).get(name, 0)
    stub.DetectImage(pb.DetectImageRequest(image=image(photo)))
    assert scrape(server)[name] == before + 1
