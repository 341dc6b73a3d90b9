"""Limits of the transport: connections that are too many, silent, idle or old, and floods."""

import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from hyperframe.frame import PingFrame

from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_client import FaceClient
from facewire_server.config import TransportLimits
from facewire_server.lifecycle.background import BackgroundServer
from facewire_server.rpc import channel_options
from tests.server.http2_peer import DETECT_STREAM, Peer, connect, rapid_resets
from tests.server.limited import detects, frame, image, limited
from tests.server.tls_files import TlsFiles

OK = 0
SILENT = b""
UNACKNOWLEDGED_SETTINGS = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000000040000000000")


def test_connections_beyond_the_limit_are_closed(photo: bytes) -> None:
    with limited(max_connections=3) as server:
        held = [Peer(server.target) for _ in range(3)]
        for peer in held:
            assert peer.listen(20)
        with Peer(server.target) as beyond:
            assert beyond.wait_gone(20)
        held.pop().socket.close()
        assert detects(server, photo)
        for peer in held:
            peer.socket.close()


def test_streams_beyond_the_limit_are_reset(photo: bytes) -> None:
    with limited(max_streams=3) as server, Peer(server.target) as peer:
        streams = [peer.call(DETECT_STREAM) for _ in range(5)]
        assert peer.wait(streams[3], 20) == -1
        assert peer.wait(streams[4], 20) == -1
        assert not peer.statuses.keys() & set(streams[:3])
        assert detects(server, photo)


@pytest.mark.parametrize("sent", [SILENT, UNACKNOWLEDGED_SETTINGS])
def test_a_connection_without_a_handshake_is_closed(sent: bytes) -> None:
    with limited(handshake_seconds=0.5) as server:
        assert is_closed_after(server, sent)


def test_a_silent_connection_to_a_tls_port_is_closed(tmp_path: Path) -> None:
    files = TlsFiles(tmp_path)
    config = replace(files.config(), limits=TransportLimits(handshake_seconds=0.5))
    with BackgroundServer(config) as server:
        assert is_closed_after(server, SILENT)
        context = ssl.create_default_context(cadata=files.authority.root_certificates.decode())
        context.check_hostname = False
        context.set_alpn_protocols(["h2"])
        with Peer(server.target, context=context) as peer:
            assert peer.listen(20)


def is_closed_after(server: BackgroundServer, sent: bytes) -> bool:
    """Whether the server closes a connection on which only this is sent."""
    with connect(server.target) as connection:
        connection.sendall(sent)
        while connection.recv(65_536):
            pass
        return True


def test_an_idle_connection_is_closed_and_its_client_comes_back(photo: bytes) -> None:
    with limited(connection_idle_seconds=0.5) as server:
        with Peer(server.target) as peer:
            assert peer.wait_gone(20)
        with FaceClient(server.target) as client:
            for pause in (0, 0.4, 0.5, 0.6, 1.2):
                time.sleep(pause)
                assert len(client.detect(photo).faces) == 1


def test_the_connection_of_a_peer_that_answers_no_pings_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(channel_options, "KEEPALIVE_TIMEOUT_MS", 500)
    with limited(keepalive_seconds=0.5) as server, Peer(server.target) as peer:
        peer.call(DETECT_STREAM)
        peer.listen(1)
        # From here on everything is read and nothing answered.
        peer.socket.settimeout(60)
        while peer.socket.recv(65_536):
            pass


def test_clients_notice_nothing_when_connections_reach_their_age(photo: bytes) -> None:
    ages = 4
    with (
        limited(connection_age_seconds=0.5) as server,
        grpc.insecure_channel(server.target) as channel,
    ):
        stub = DetectServiceStub(channel)
        ended = threading.Event()

        def frames() -> Iterator[pb.DetectStreamRequest]:
            while not ended.wait(0.02):
                yield pb.DetectStreamRequest.FromString(frame(photo))

        stream = stub.DetectStream(frames(), timeout=60)
        threading.Timer(0.5 * ages, ended.set).start()
        request = pb.DetectRequest.FromString(image(photo))
        while not ended.is_set():
            assert len(stub.Detect(request, timeout=60).detections) == 1
        # The stream has outlived the age of its connection, and ends by itself.
        answers = list(stream)
        assert answers
        assert all(answer.HasField("response") for answer in answers)


def test_a_stream_that_outlasts_the_grace_of_its_connection_ends_as_unavailable(
    photo: bytes,
) -> None:
    limits = {"connection_age_seconds": 0.3, "connection_grace_seconds": 0.3}
    with limited(**limits) as server, grpc.insecure_channel(server.target) as channel:
        held = threading.Event()

        def frames() -> Iterator[pb.DetectStreamRequest]:
            yield pb.DetectStreamRequest.FromString(frame(photo))
            held.wait(30)

        stream = iter(DetectServiceStub(channel).DetectStream(frames(), timeout=60))
        assert next(stream).HasField("response")
        with pytest.raises(grpc.RpcError) as ended:
            next(stream)
        held.set()
        assert ended.value.code() is grpc.StatusCode.UNAVAILABLE


def test_a_flood_of_pings_closes_the_connection(server: BackgroundServer) -> None:
    with Peer(server.target) as peer:
        for _ in range(100):
            if not peer.raw(*[PingFrame(0, b"facewire")] * 100):
                break
        assert peer.wait_gone(20)


def test_regular_pings_close_no_connection(monkeypatch: pytest.MonkeyPatch, photo: bytes) -> None:
    interval_ms = 200
    assert channel_options.PING_INTERVAL_MS < 10_000  # what Go, Java and Envoy are set to
    monkeypatch.setattr(channel_options, "PING_INTERVAL_MS", interval_ms)
    with limited() as server, Peer(server.target) as peer:
        for _ in range(10):
            assert peer.raw(PingFrame(0, b"facewire"))
            peer.wait_gone(2 * interval_ms / 1000)
        assert not peer.gone
        stream = peer.call()
        peer.message(stream, image(photo))
        assert peer.wait(stream, 20) == OK


def test_calls_that_are_reset_at_once_delay_no_other(
    server: BackgroundServer, photo: bytes
) -> None:
    with Peer(server.target) as peer:
        peer.raw(*rapid_resets(5_000))
        assert detects(server, photo)
