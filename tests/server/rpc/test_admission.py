"""Calls whose messages come slowly, in part or never, and too many calls, at a real server."""

import time
from collections.abc import Iterator

import grpc
import pytest

from facewire_server.config import Config
from facewire_server.lifecycle.background import BackgroundServer
from tests.server.health import SERVING, check
from tests.server.http2_peer import DETECT, DETECT_STREAM, Peer, framed
from tests.server.limited import detects, frame, image, limited

OK, INVALID, DEADLINE, EXHAUSTED, UNIMPLEMENTED, UNAVAILABLE = 0, 3, 4, 8, 12, 14
UNKNOWN = "/facewire.v1.DetectService/Unknown"
REFLECTION = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
HEALTH = "/grpc.health.v1.Health/Check"
WATCH = "/grpc.health.v1.Health/Watch"
INFER = "/inference.GRPCInferenceService/ModelInfer"
INFER_STREAM = "/inference.GRPCInferenceService/ModelStreamInfer"
LIVE = "/inference.GRPCInferenceService/ServerLive"


@pytest.fixture(scope="module")
def short_timeouts() -> Iterator[BackgroundServer]:
    """A server that waits half a second at most for a message, or on a stream."""
    with limited(message_seconds=0.5, stream_idle_seconds=0.5) as running:
        yield running


@pytest.fixture
def peer(short_timeouts: BackgroundServer) -> Iterator[Peer]:
    """A peer that is connected to the server above."""
    with Peer(short_timeouts.target) as connected:
        yield connected


@pytest.mark.parametrize("method", [DETECT, INFER, HEALTH, LIVE, WATCH])
@pytest.mark.parametrize("part", [b"", framed(bytes(1000))[:-1]])
def test_a_message_that_does_not_arrive_ends_its_call(peer: Peer, method: str, part: bytes) -> None:
    stream = peer.call(method)
    peer.send(stream, part)
    assert peer.wait(stream, 20) == DEADLINE
    assert "has not arrived within 0.5 s" in peer.messages[stream]


def test_a_hundred_slow_senders_delay_no_other(server: BackgroundServer, photo: bytes) -> None:
    with Peer(server.target) as peer:
        streams = [peer.call() for _ in range(100)]
        for byte in image(photo)[:5]:
            for stream in streams:
                peer.send(stream, bytes([byte]))
        assert detects(server, photo)
        peer.listen(0)
        assert not peer.statuses, "they ended before they could be in the way"


def test_a_slow_sender_does_not_hold_up_a_drain() -> None:
    """Or else it would wait for the whole grace, which is far longer than this test waits."""
    config = Config(port=0, metrics_port=None, grace=600)
    with BackgroundServer(config) as server, Peer(server.target) as peer:
        peer.send(peer.call(), framed(bytes(1000))[:-1])
        assert ends_with_the_server(server, peer)


@pytest.mark.parametrize("whole", [0, 1])
@pytest.mark.parametrize("part", [b"", framed(bytes(1000))[:-1]])
def test_a_stream_that_waits_for_its_next_image_ends_with_a_drain(
    photo: bytes, whole: int, part: bytes
) -> None:
    config = Config(port=0, metrics_port=None, grace=600)
    with BackgroundServer(config) as server, Peer(server.target) as peer:
        stream = peer.call(DETECT_STREAM)
        peer.send(stream, framed(frame(photo)) * whole + part)
        while whole and not peer.received.get(stream):
            assert peer.listen(60)
        assert ends_with_the_server(server, peer)
        assert peer.statuses[stream] == UNAVAILABLE
        assert peer.messages[stream] == "the server is shutting down"


def ends_with_the_server(server: BackgroundServer, peer: Peer) -> bool:
    """Whether a draining server closes the connection of a peer that goes on waiting."""
    # When it answers this call, it has those that the peer made before.
    assert peer.wait(peer.call(UNKNOWN), 60) == UNIMPLEMENTED
    server.begin_drain()
    return peer.wait_gone(60)


@pytest.mark.parametrize("method", [DETECT, DETECT_STREAM, INFER, INFER_STREAM, REFLECTION, HEALTH])
def test_bytes_that_cannot_be_parsed_are_invalid_arguments(
    peer: Peer, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    stream = peer.call(method)
    peer.message(stream, b"\xff\xff\xff")
    assert peer.wait(stream, 20) == INVALID
    assert not [record for record in caplog.records if record.exc_info]


def test_a_call_that_ends_without_its_message_is_answered(peer: Peer) -> None:
    stream = peer.call()
    peer.send(stream, b"", end=True)
    assert peer.wait(stream, 20) == INVALID


def test_a_stream_on_which_nothing_is_sent_ends_with_the_reason(peer: Peer, photo: bytes) -> None:
    silent, spoken = peer.call(DETECT_STREAM), peer.call(DETECT_STREAM)
    peer.send(spoken, framed(frame(photo)))
    for stream in (silent, spoken, peer.call(INFER_STREAM)):
        assert peer.wait(stream, 20) == DEADLINE
        assert peer.messages[stream] == "the client has sent nothing for 0.5 s"
    assert peer.received[spoken]


def test_a_stream_whose_answers_are_not_taken_ends(
    short_timeouts: BackgroundServer, photo: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    with Peer(short_timeouts.target, window=0) as peer:
        stream = peer.call(DETECT_STREAM)
        for _ in range(3):
            peer.send(stream, framed(frame(photo)))
        until = time.monotonic() + 60
        while "the client has taken no answer for 0.5 s" not in caplog.text:
            assert time.monotonic() < until
            peer.wait(stream, 0.1)
        assert detects(short_timeouts, photo)


def test_calls_beyond_the_limit_are_refused_and_probes_are_answered(
    photo: bytes,
) -> None:
    with limited(max_calls=3) as server, Peer(server.target) as peer:
        held = [peer.call(DETECT_STREAM) for _ in range(3)]
        for stream in held:
            peer.send(stream, framed(frame(photo)))
        while not all(peer.received.get(stream) for stream in held):
            assert peer.listen(20)
        refused = peer.call()
        assert peer.wait(refused, 20) == EXHAUSTED
        assert peer.messages[refused].startswith("the server has 3 calls open")
        with grpc.insecure_channel(server.target) as channel:
            assert check(channel) == SERVING
        live = peer.call(LIVE)
        peer.message(live, b"")
        assert peer.wait(live, 20) == OK
        for stream in held:
            peer.reset(stream)
        assert detects(server, photo)


def test_metadata_over_the_limit_is_refused_even_before_settings_are_agreed_on(
    photo: bytes,
) -> None:
    with limited(max_metadata_kb=4) as server, Peer(server.target) as peer:
        within = peer.call(headers=[("x-filler", "a" * 3000)])
        beyond = peer.call(headers=[("x-filler", "a" * 5000)])
        peer.message(within, image(photo))
        assert peer.wait(within, 20) == OK
        assert peer.wait(beyond, 20) == EXHAUSTED
        # By now the peer has acknowledged the settings, and gRPC applies its own limit.
        later = peer.call(headers=[("x-filler", "a" * 5000)])
        assert peer.wait(later, 20) == EXHAUSTED
        assert detects(server, photo)
