"""Watches of health: many, silent, or of peers that take nothing of what they asked."""

import asyncio
import json
import signal
from concurrent.futures import Future

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckResponse

from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_server.config import Config
from facewire_server.lifecycle.background import BackgroundServer
from facewire_server.lifecycle.loading import Backend
from facewire_server.lifecycle.server import Server
from tests.server.health import NOT_SERVING, SERVING, check, watch
from tests.server.http2_peer import DETECT_STREAM, WATCH, Peer, framed
from tests.server.limited import detects, limited
from tests.server.process import serving
from tests.server.rpc_errors import reason

DEADLINE, EXHAUSTED = 4, 8
SECONDS = 60


def deaf(target: str) -> Peer:
    """A peer that watches health, and takes no byte of the answers."""
    peer = Peer(target, window=0)
    stream = peer.call(WATCH)
    peer.message(stream, b"")
    assert peer.wait_begun(stream, SECONDS)
    return peer


def watched(peer: Peer) -> int:
    """The stream of a new watch, which has got SERVING."""
    stream = peer.call(WATCH)
    peer.message(stream, b"")
    serves = HealthCheckResponse(status=SERVING).SerializeToString()
    while peer.received.get(stream) != framed(serves):
        assert stream not in peer.statuses, peer.messages[stream]
        assert peer.listen(SECONDS)
    return stream


def statuses(target: str) -> list[int]:
    """The statuses that a check and a watch return."""
    with grpc.insecure_channel(target) as channel:
        return [check(channel), next(watch(channel))]


def test_a_peer_that_reads_nothing_does_not_keep_a_server_from_being_ready() -> None:
    config = Config(port=0, metrics_port=None)

    async def main() -> list[int]:
        loading: Future[Backend] = Future()
        async with asyncio.timeout(SECONDS), Server(config) as server:
            target = f"127.0.0.1:{server.port}"
            with await asyncio.to_thread(deaf, target):
                loading.set_result(await asyncio.to_thread(Backend.load, config))
                await server.load(loading)
                await server.open()
                said = await asyncio.to_thread(statuses, target)
                assert await server.drain()
                return said

    assert asyncio.run(main()) == [SERVING, SERVING]


def test_a_peer_that_reads_nothing_keeps_neither_watchers_nor_a_drain_waiting() -> None:
    with (
        serving("--grace", "3") as (process, target),
        grpc.insecure_channel(target) as channel,
    ):
        others = watch(channel)
        assert next(others) == SERVING
        with deaf(target):
            process.send_signal(signal.SIGTERM)
            assert next(others) == NOT_SERVING
            assert process.wait(SECONDS) == 0


CHECKS_HEALTH = {
    "healthCheckConfig": {"serviceName": "facewire.v1.DetectService"},
    "loadBalancingConfig": [{"round_robin": {}}],
}


def test_a_client_that_checks_health_by_itself_calls_when_the_server_is_ready(
    photo: bytes,
) -> None:
    config = Config(port=0, metrics_port=None)
    request = pb.DetectRequest(encoded_image=photo)

    async def main() -> None:
        loading: Future[Backend] = Future()
        async with Server(config) as server:
            channel = grpc.aio.insecure_channel(
                f"127.0.0.1:{server.port}",
                [("grpc.service_config", json.dumps(CHECKS_HEALTH))],
            )
            stub = DetectServiceStub(channel)
            loading.set_result(await asyncio.to_thread(Backend.load, config))
            await server.load(loading)
            # It would be answered, and is not sent.
            with pytest.raises(grpc.RpcError) as unhealthy:
                await stub.Detect(request, timeout=SECONDS)
            assert reason(unhealthy.value) == (grpc.StatusCode.UNAVAILABLE, "")
            await server.open()
            found = await stub.Detect(request, timeout=SECONDS, wait_for_ready=True)
            assert len(found.detections) == 1
            await channel.close()

    asyncio.run(main())


def test_a_watch_whose_status_is_not_read_ends_and_frees_its_slot(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with limited(stream_idle_seconds=0.5, max_watches=1) as server:
        with deaf(server.target), grpc.insecure_channel(server.target) as channel:
            assert eventually_watched(channel) == SERVING
        assert no_fault(caplog)


def eventually_watched(channel: grpc.Channel) -> int:
    """What a watch says that is begun again until there is room for it."""
    while True:
        try:
            return next(watch(channel))
        except grpc.RpcError as error:
            assert reason(error)[1] == "TOO_MANY_CALLS"


def no_fault(caplog: pytest.LogCaptureFixture) -> bool:
    return not [record for record in caplog.records if record.exc_info]


def test_a_peer_that_hangs_up_before_its_first_status_is_no_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with limited(max_watches=1) as server:
        deaf(server.target).socket.close()
        with grpc.insecure_channel(server.target) as channel:
            assert eventually_watched(channel) == SERVING
    assert no_fault(caplog)


def test_watches_are_no_calls(photo: bytes) -> None:
    with limited(max_calls=1) as server, Peer(server.target) as peer:
        for _ in range(5):
            watched(peer)
        assert detects(server, photo)


def test_a_first_watch_has_a_slot_however_many_another_connection_has_opened() -> None:
    with limited(max_watches=3) as server, Peer(server.target) as greedy:
        first, second, third = (watched(greedy) for _ in range(3))
        with Peer(server.target) as other:
            watched(other)
            assert greedy.wait(third, SECONDS) == EXHAUSTED
            fourth = greedy.call(WATCH)
            assert greedy.wait(fourth, SECONDS) == EXHAUSTED
            assert greedy.messages[fourth].startswith("the server has 3 watches open")
            assert not greedy.statuses.keys() & {first, second}


def test_a_watch_without_a_change_outlasts_an_idle_stream() -> None:
    with limited(stream_idle_seconds=0.2) as server, Peer(server.target) as peer:
        quiet = watched(peer)
        for _ in range(2):
            assert peer.wait(peer.call(DETECT_STREAM), SECONDS) == DEADLINE
        assert quiet not in peer.statuses


def test_a_watch_without_a_change_has_a_limit_of_its_own() -> None:
    with limited(watch_idle_seconds=0.2) as server, Peer(server.target) as peer:
        quiet = watched(peer)
        assert peer.wait(quiet, SECONDS) == DEADLINE
        assert peer.messages[quiet] == "there was nothing to tell for 0.2 s"


def test_watches_send_the_last_status_and_end_when_the_server_stops() -> None:
    with (
        BackgroundServer(Config(port=0, metrics_port=None)) as server,
        grpc.insecure_channel(server.target) as channel,
    ):
        known, unknown = watch(channel), watch(channel, "unknown")
        assert next(known) == SERVING
        assert next(unknown) == HealthCheckResponse.SERVICE_UNKNOWN
        server.begin_drain()
        assert next(known) == NOT_SERVING
        for each in (known, unknown):
            with pytest.raises(grpc.RpcError) as ended:
                next(each)
            code = grpc.StatusCode.UNAVAILABLE
            assert reason(ended.value) == (code, "SHUTTING_DOWN")
