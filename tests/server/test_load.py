"""A server with too much to do: it refuses by the rules, and stays itself."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import grpc
import numpy as np
import psutil
import pytest

from facewire.inference.v2.open_inference_pb2_grpc import GRPCInferenceServiceStub
from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_ext import Placement
from facewire_server.config import Config
from facewire_server.image.fit import fit
from facewire_server.lifecycle.background import BackgroundServer
from tests.server.health import SERVING, check
from tests.server.infer import elements, raw
from tests.server.rpc_errors import reason
from tests.server.scrape import scrape


@pytest.fixture(scope="module")
def large() -> bytes:
    """A photo of 9 megapixels that takes its time to decode."""
    noise = np.random.default_rng(7).integers(0, 255, (3000, 3000), np.uint8)
    _, encoded = cv2.imencode(".jpg", cv2.GaussianBlur(noise, (0, 0), 9))
    return encoded.tobytes()


@pytest.fixture
def narrow() -> Iterator[BackgroundServer]:
    """A server without a queue."""
    with BackgroundServer(Config(port=0, metrics_port=None, max_queue=0)) as running:
        yield running


Begin = Callable[[grpc.Channel, bytes, float], Any]
"""Begins a call with an image and a timeout, and returns its future."""


def detect(channel: grpc.Channel, data: bytes, timeout: float) -> Any:
    request = pb.DetectRequest(encoded_image=data)
    return DetectServiceStub(channel).Detect.future(request, timeout=timeout)


def infer(channel: grpc.Channel, data: bytes, timeout: float) -> Any:
    request = raw("BYTES", [1], elements(data))
    return GRPCInferenceServiceStub(channel).ModelInfer.future(request, timeout=timeout)


by_both_services = pytest.mark.parametrize("begin", [detect, infer])


@by_both_services
def test_what_does_not_fit_is_refused_with_the_time_to_come_back(
    narrow: BackgroundServer, large: bytes, begin: Begin
) -> None:
    with grpc.insecure_channel(narrow.target) as channel:
        calls = [begin(channel, large, 30) for _ in range(20)]
        errors = [call.exception() for call in calls]
    refused = [error for error in errors if isinstance(error, grpc.RpcError)]
    assert 1 <= len(refused) < 20
    full = (grpc.StatusCode.RESOURCE_EXHAUSTED, "QUEUE_FULL")
    assert {reason(error) for error in refused} == {full}
    for error in refused:
        assert isinstance(error, grpc.Call)
        trailers = dict(error.trailing_metadata())
        assert int(trailers["grpc-retry-pushback-ms"]) > 0


def test_a_stream_waits_where_single_calls_are_refused(
    narrow: BackgroundServer, photo: bytes
) -> None:
    frame = pb.DetectStreamRequest(request=pb.DetectRequest(encoded_image=photo))
    with grpc.insecure_channel(narrow.target) as channel:
        stub = DetectServiceStub(channel)
        answers = list(stub.DetectStream(iter([frame] * 30), timeout=60))
    assert [answer.WhichOneof("result") for answer in answers] == ["response"] * 30


@by_both_services
def test_a_deadline_that_cannot_be_met_is_refused_before_it_passes(
    monkeypatch: pytest.MonkeyPatch, photo: bytes, begin: Begin
) -> None:
    def slow(*arguments: Any, **options: Any) -> Placement:
        time.sleep(0.05)
        return fit(*arguments, **options)

    monkeypatch.setattr("facewire_server.inference.detector.fit", slow)
    # Thirty of them take 0.75 s on two workers, however fast the machine is.
    config = Config(port=0, metrics_port=None, max_parallel=2, max_queue=30)
    with (
        BackgroundServer(config) as server,
        grpc.insecure_channel(server.target) as channel,
    ):
        for _ in range(3):
            begin(channel, photo, 30).result()
        calls = [begin(channel, photo, 0.3) for _ in range(30)]
        errors = [call.exception() for call in calls]
    reasons = {reason(error) for error in errors if isinstance(error, grpc.RpcError)}
    code = grpc.StatusCode.DEADLINE_EXCEEDED
    assert (code, "DEADLINE_UNREACHABLE") in reasons
    assert reasons <= {(code, "DEADLINE_UNREACHABLE"), (code, "")}


def inflight(server: BackgroundServer) -> float:
    """How many requests a server has."""
    return scrape(server)["facewire_inflight_requests"]


def wait_for(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@by_both_services
def test_cancelled_calls_leave_the_server_serving(
    server: BackgroundServer,
    channel: grpc.Channel,
    large: bytes,
    photo: bytes,
    monkeypatch: pytest.MonkeyPatch,
    begin: Begin,
) -> None:
    let_go = threading.Event()

    def hang(*arguments: Any, **options: Any) -> Placement:
        assert let_go.wait(120)
        return fit(*arguments, **options)

    monkeypatch.setattr("facewire_server.inference.detector.fit", hang)
    calls = [begin(channel, large, 60) for _ in range(20)]
    try:
        wait_for(lambda: inflight(server) > 0)
        for call in calls:
            call.cancel()
    finally:
        let_go.set()
    assert any(call.cancelled() for call in calls)
    wait_for(lambda: inflight(server) == 0)
    assert len(detect(channel, photo, 30).result().detections) == 1


def test_health_is_answered_while_every_core_works(
    server: BackgroundServer, channel: grpc.Channel, large: bytes
) -> None:
    stop = threading.Event()

    def keep_busy() -> None:
        with grpc.insecure_channel(server.target) as own:
            stub = DetectServiceStub(own)
            while not stop.is_set():
                stub.Detect(pb.DetectRequest(encoded_image=large), timeout=30)

    workers = [threading.Thread(target=keep_busy) for _ in range(4)]
    for worker in workers:
        worker.start()
    try:
        wait_for(lambda: inflight(server) == len(workers))
        for _ in range(20):
            assert check(channel) == SERVING
            time.sleep(0.01)
        wait_for(lambda: inflight(server) == len(workers))
    finally:
        stop.set()
        for worker in workers:
            worker.join()


def resident_kb() -> int:
    """Resident memory of this process, in kB."""
    return int(psutil.Process().memory_info().rss) // 1024


def infer_two(channel: grpc.Channel, data: bytes, timeout: float) -> Any:
    request = raw("BYTES", [2], elements(data, data))
    return GRPCInferenceServiceStub(channel).ModelInfer.future(request, timeout=timeout)


@pytest.mark.parametrize("begin", [detect, infer, infer_two])
def test_a_thousand_bad_images_leave_memory_where_it_was(
    channel: grpc.Channel, photo: bytes, begin: Begin
) -> None:
    bad = [
        photo[:20_000],
        b"\x89PNG\r\n\x1a\n" + bytes(1000),
        b"RIFF\x10\x00\x00\x00WEBPVP8 " + bytes(1000),
        b"II*\x00\x08\x00\x00\x00" + bytes(1000),
        b"BM" + bytes(1000),
        b"not an image",
        b"",
    ]

    def send(count: int) -> None:
        for number in range(count):
            image = bad[number % len(bad)]
            with pytest.raises(grpc.RpcError):
                begin(channel, image, 30).result()

    send(200)
    before = resident_kb()
    send(1000)
    assert resident_kb() - before < 10_000
    assert len(detect(channel, photo, 30).result().detections) == 1
