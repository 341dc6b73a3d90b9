"""DetectStream over real gRPC."""

import itertools
import threading
from collections.abc import Iterator

import grpc
import pytest

from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_server.service.background import BackgroundServer


def frames(
    images: Iterator[bytes], policy: int = 0
) -> Iterator[pb.DetectStreamRequest]:
    for number, image in enumerate(images):
        yield pb.DetectStreamRequest(
            frame_id=1000 + number,
            request=pb.DetectRequest(encoded_image=image),
            overflow_policy=pb.OverflowPolicy.ValueType(policy),
        )


def test_every_image_is_answered_in_order(
    stub: DetectServiceStub, photo: bytes
) -> None:
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
    assert list(stub.DetectStream(iter(()), timeout=10)) == []


def test_waiting_streams_hold_the_sender_when_the_reader_is_slow(
    server: BackgroundServer,
) -> None:
    sent: list[int] = []

    def images() -> Iterator[bytes]:
        while True:
            sent.append(1)
            yield b"\xff\xd8\xff" + bytes(500_000)

    # With the usual 64 kB of answers under way the sender would be held only after
    # hundreds of images that are refused at once.
    options = [("grpc.http2.lookahead_bytes", 1024), ("grpc.http2.bdp_probe", 0)]
    with grpc.insecure_channel(server.target, options=options) as channel:
        call = DetectServiceStub(channel).DetectStream(frames(images()), timeout=60)
        next(iter(call))
        threading.Event().wait(1)
        held = len(sent)
        call.cancel()
    # A window of the server, and what the buffers of HTTP/2 hold of 500 kB each.
    assert held < 60


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
