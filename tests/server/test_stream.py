"""DetectStream over real gRPC."""

import itertools
import time
from collections.abc import Iterator

import grpc
import pytest

from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_server.config import Config
from facewire_server.lifecycle.background import BackgroundServer
from tests.server.http2_peer import DETECT_STREAM, Peer, framed
from tests.server.limited import detects, frame
from tests.server.scrape import scrape


def frames(images: Iterator[bytes], policy: int = 0) -> Iterator[pb.DetectStreamRequest]:
    for number, image in enumerate(images):
        yield pb.DetectStreamRequest(
            frame_id=1000 + number,
            request=pb.DetectRequest(encoded_image=image),
            overflow_policy=pb.OverflowPolicy.ValueType(policy),
        )


def test_every_image_is_answered_in_order(stub: DetectServiceStub, photo: bytes) -> None:
    answers = list(stub.DetectStream(frames(iter([photo] * 20)), timeout=60))
    assert [answer.frame_id for answer in answers] == list(range(1000, 1020))
    assert all(len(answer.response.detections) == 1 for answer in answers)


def test_one_bad_image_is_answered_with_its_error_and_the_stream_goes_on(
    stub: DetectServiceStub, photo: bytes
) -> None:
    images = [photo, b"no image", b"", photo]
    answers = list(stub.DetectStream(frames(iter(images)), timeout=60))
    kinds = [answer.WhichOneof("result") for answer in answers]
    assert kinds == ["response", "error", "error", "response"]
    first, second = answers[1].error, answers[2].error
    assert (first.code, first.reason) == (3, "UNSUPPORTED_FORMAT")
    assert (second.code, second.reason) == (3, "EMPTY_IMAGE")
    assert first.message


def test_a_stream_without_images_ends_well(stub: DetectServiceStub) -> None:
    assert list(stub.DetectStream(iter(()), timeout=60)) == []


def test_a_waiting_stream_is_read_no_further_than_its_answers_are_taken(
    photo: bytes,
) -> None:
    config = Config(port=0, metrics_port=0, max_parallel=2)
    with BackgroundServer(config) as server, Peer(server.target, window=0) as peer:
        stream = peer.call(DETECT_STREAM)
        peer.send(stream, framed(frame(b"no image")) * 50)
        until = time.monotonic() + 60
        while answered(server) < 2:
            assert time.monotonic() < until
        for _ in range(20):
            assert detects(server, photo)
        assert answered(server) == 2
        # What is not read holds its sender, but for what HTTP/2 keeps for both.
        large = framed(frame(bytes(500_000))) * 100
        assert peer.send(stream, large) < len(large)
        assert answered(server) == 2


def answered(server: BackgroundServer) -> float:
    """How many frames have an answer, sent or not yet sent."""
    frames = 'method="DetectStream"'
    return sum(
        value
        for name, value in scrape(server).items()
        if name.startswith("facewire_requests_total") and frames in name
    )


def test_live_video_drops_what_was_not_started_for_what_is_newer(
    stub: DetectServiceStub, photo: bytes
) -> None:
    count = 60
    policy = pb.OVERFLOW_POLICY_DROP_OLDEST
    call = stub.DetectStream(frames(iter([photo] * count), policy), timeout=60)
    answers = list(call)
    assert [answer.frame_id for answer in answers] == list(range(1000, 1000 + count))
    errors = [answer.error for answer in answers if answer.HasField("error")]
    assert errors
    assert {(error.code, error.reason) for error in errors} == {(10, "FRAME_DROPPED")}
    assert answers[-1].HasField("response")


def test_a_cancelled_stream_leaves_the_server_serving(
    stub: DetectServiceStub, photo: bytes
) -> None:
    call = stub.DetectStream(frames(itertools.repeat(photo)), timeout=60)
    next(iter(call))
    call.cancel()
    with pytest.raises(grpc.RpcError):
        list(call)
    response = stub.Detect(pb.DetectRequest(encoded_image=photo), timeout=30)
    assert len(response.detections) == 1
