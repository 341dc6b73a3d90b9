"""What waits has a bound in bytes, for single calls and frames of streams together."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest

from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_ext import Placement
from facewire_server.config import Config
from facewire_server.image.fit import fit
from facewire_server.lifecycle.background import BackgroundServer
from tests.server.rpc_errors import reason
from tests.server.scrape import scrape

LIMIT = 1 << 20
STREAMS, FRAMES = 4, 6
BYTES = 200_000
IMAGE = pb.DetectRequest(
    raw_image=pb.RawImage(
        data=bytes(BYTES), width=400, height=500, pixel_format=pb.PIXEL_FORMAT_GRAY
    )
)


@pytest.fixture
def begun() -> threading.Event:
    """Set when some work has begun."""
    return threading.Event()


@pytest.fixture
def let_go(monkeypatch: pytest.MonkeyPatch, begun: threading.Event) -> threading.Event:
    """Work does not end before this is set."""
    event = threading.Event()

    def hang(*arguments: Any, **options: Any) -> Placement:
        begun.set()
        assert event.wait(60)
        return fit(*arguments, **options)

    monkeypatch.setattr("facewire_server.inference.detector.fit", hang)
    return event


@pytest.fixture
def threads() -> int:
    """How many threads the server has."""
    return 1


@pytest.fixture
def server(let_go: threading.Event, threads: int) -> Iterator[BackgroundServer]:
    """A server at which 1 MiB may wait."""
    config = Config(port=0, metrics_port=0, max_parallel=threads, max_queue=100, max_queued_mb=1)
    with BackgroundServer(config) as running:
        yield running
        let_go.set()


@pytest.fixture
def stub(server: BackgroundServer) -> Iterator[DetectServiceStub]:
    with grpc.insecure_channel(server.target) as channel:
        yield DetectServiceStub(channel)


def wait_for(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def queued(server: BackgroundServer) -> float:
    return scrape(server)["facewire_queued_bytes"]


def stream(stub: DetectServiceStub, policy: str = "WAIT") -> list[int]:
    frames = (
        pb.DetectStreamRequest(
            frame_id=number,
            request=IMAGE,
            overflow_policy=pb.OverflowPolicy.Value(f"OVERFLOW_POLICY_{policy}"),
        )
        for number in range(FRAMES)
    )
    return [answer.frame_id for answer in stub.DetectStream(frames, timeout=60)]


def test_calls_beyond_the_bound_are_refused_with_a_retry_time(
    server: BackgroundServer,
    stub: DetectServiceStub,
    let_go: threading.Event,
    begun: threading.Event,
) -> None:
    # One is worked on, and five are within the bound.
    calls = [stub.Detect.future(IMAGE, timeout=60)]
    assert begun.wait(60)
    calls += [stub.Detect.future(IMAGE, timeout=60) for _ in range(5)]
    wait_for(lambda: queued(server) >= 5 * BYTES)
    with pytest.raises(grpc.RpcError) as caught:
        stub.Detect(IMAGE, timeout=60)
    assert reason(caught.value) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "QUEUE_FULL")
    trailers: Any = caught.value
    assert int(dict(trailers.trailing_metadata())["grpc-retry-pushback-ms"]) > 0
    let_go.set()
    for call in calls:
        assert call.result().image_width == 400
    assert queued(server) == 0


@pytest.mark.parametrize("threads", [FRAMES])
def test_streams_are_held_at_half_of_it_lose_nothing_and_leave_room_for_calls(
    server: BackgroundServer, stub: DetectServiceStub, let_go: threading.Event
) -> None:
    with ThreadPoolExecutor(STREAMS) as senders:
        answers = [senders.submit(stream, stub) for _ in range(STREAMS)]
        try:
            wait_for(lambda: queued(server) >= LIMIT / 2)
            small = stub.Detect.future(
                pb.DetectRequest(
                    raw_image=pb.RawImage(
                        data=b"1", width=1, height=1, pixel_format=pb.PIXEL_FORMAT_GRAY
                    )
                ),
                timeout=60,
            )
            time.sleep(0.3)  # for more than is allowed, if it were to come
            # Each of them may have been reading when half of it was reached.
            assert queued(server) < LIMIT / 2 + STREAMS * 1.01 * BYTES
        finally:
            let_go.set()
        assert small.result().image_width == 1
        for each in answers:
            assert each.result() == list(range(FRAMES))
    assert queued(server) == 0


def test_live_video_has_one_frame_wait_and_it_gets_on_beyond_the_bound(
    server: BackgroundServer, stub: DetectServiceStub, let_go: threading.Event
) -> None:
    calls = [stub.Detect.future(IMAGE, timeout=60) for _ in range(6)]
    wait_for(lambda: queued(server) >= 5 * BYTES)
    with ThreadPoolExecutor(1) as senders:
        answers = senders.submit(stream, stub, "DROP_OLDEST")
        wait_for(lambda: queued(server) >= 6 * BYTES)
        let_go.set()
        assert answers.result() == list(range(FRAMES))
    for call in calls:
        assert call.result().image_width == 400
    assert queued(server) == 0


def test_a_frame_that_is_too_large_is_answered_by_its_number_and_the_stream_goes_on(
    let_go: threading.Event,
) -> None:
    let_go.set()
    config = Config(port=0, metrics_port=None, max_message_mb=0.25)
    large = pb.DetectRequest(encoded_image=bytes(300_000))
    requests = [IMAGE, large, IMAGE]
    with (
        BackgroundServer(config) as server,
        grpc.insecure_channel(server.target) as channel,
    ):
        frames = [
            pb.DetectStreamRequest(frame_id=7 + number, request=request)
            for number, request in enumerate(requests)
        ]
        answers = list(DetectServiceStub(channel).DetectStream(iter(frames), timeout=60))
    assert [answer.frame_id for answer in answers] == [7, 8, 9]
    assert [answer.error.reason for answer in answers] == ["", "MESSAGE_TOO_LARGE", ""]
    size = frames[1].ByteSize()
    assert answers[1].error.message.startswith(f"the message has {size} bytes")
