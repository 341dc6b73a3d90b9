"""Answers from the response cache, over real gRPC."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_client import FaceClient
from facewire_ext import Placement
from facewire_server.config import Config
from facewire_server.image.fit import fit
from facewire_server.lifecycle.background import BackgroundServer
from tests.server.own_model import copy_embedded
from tests.server.replaced import wait_until
from tests.server.rpc_errors import reason
from tests.server.scrape import scrape

HITS = "facewire_response_cache_hits_total"
MISSES = "facewire_response_cache_misses_total"
BYTES = "facewire_response_cache_bytes"

RAW = pb.DetectRequest(
    raw_image=pb.RawImage(
        data=bytes(16 * 16 * 3), width=16, height=16, pixel_format=pb.PIXEL_FORMAT_BGR
    )
)


@contextmanager
def caching(**settings: Any) -> Iterator[tuple[BackgroundServer, DetectServiceStub]]:
    config = Config(port=0, metrics_port=0, **{"response_cache_mb": 1, **settings})
    with (
        BackgroundServer(config) as server,
        grpc.insecure_channel(server.target) as channel,
    ):
        yield server, DetectServiceStub(channel)


def detect(stub: DetectServiceStub, request: pb.DetectRequest) -> pb.DetectResponse:
    return stub.Detect(request, timeout=60)


def plain(answer: pb.DetectResponse) -> bytes:
    """The bytes of an answer without what tells one from the cache."""
    copy = pb.DetectResponse()
    copy.CopyFrom(answer)
    copy.ClearField("timing")
    copy.ClearField("cached")
    return copy.SerializeToString(deterministic=True)


def counted(server: BackgroundServer) -> tuple[float, float]:
    values = scrape(server)
    return values[HITS], values[MISSES]


def test_a_repeated_request_gets_the_same_answer_and_is_told_so(photo: bytes) -> None:
    request = pb.DetectRequest(encoded_image=photo, options=pb.DetectOptions(min_confidence=0.05))
    with caching() as (server, stub):
        first, second = (detect(stub, request) for _ in range(2))
        values = scrape(server)
    assert len(first.detections) > 1
    assert plain(first) == plain(second)
    assert (first.cached, second.cached) == (False, True)
    timing = second.timing
    assert timing.decode_us == timing.inference_us == timing.postprocess_us == 0
    assert timing.total_us > 0
    model = first.model_name
    assert (values[HITS], values[MISSES]) == (1, 1)
    assert values[BYTES] > 0
    assert values[f'facewire_requests_total{{code="OK",method="Detect",model="{model}"}}'] == 2
    assert values[f'facewire_request_seconds_count{{method="Detect",model="{model}"}}'] == 2
    assert values[f'facewire_detections_total{{model="{model}"}}'] == 2 * len(first.detections)
    assert values[f'facewire_inferences_total{{model="{model}"}}'] == 1
    for stage in ("queue", "decode", "inference", "postprocess"):
        assert values[f'facewire_stage_seconds_count{{model="{model}",stage="{stage}"}}'] == 1


def test_nothing_is_kept_by_default(photo: bytes) -> None:
    request = pb.DetectRequest(encoded_image=photo)
    with caching(response_cache_mb=Config().response_cache_mb) as (server, stub):
        assert not any(detect(stub, request).cached for _ in range(2))
        assert counted(server) == (0, 0)


def test_the_name_of_the_model_may_be_given_or_not(tmp_path: Path) -> None:
    own = str(copy_embedded(tmp_path))
    with caching(models=("face-detection-nano", own)) as (_, stub):
        cached = []
        for name in ("", "face-detection-nano", "own", "own"):
            request = pb.DetectRequest(model=name)
            request.MergeFrom(RAW)
            cached.append(detect(stub, request).cached)
    assert cached == [False, True, False, True]


def test_a_bad_image_is_refused_each_time() -> None:
    request = pb.DetectRequest(encoded_image=b"no image")
    with caching() as (server, stub):
        for _ in range(2):
            with pytest.raises(grpc.RpcError) as caught:
                detect(stub, request)
            assert reason(caught.value)[1] == "UNSUPPORTED_FORMAT"
        assert counted(server) == (0, 2)
        assert scrape(server)[BYTES] == 0


def test_a_model_that_was_loaded_again_answers_afresh(tmp_path: Path) -> None:
    own = copy_embedded(tmp_path)
    reloads = 'facewire_model_reloads_total{model="own",outcome="succeeded"}'
    with caching(models=(str(own),)) as (server, stub):
        before = [detect(stub, RAW) for _ in range(2)]
        # The weights stay, and so does the version: only a default changes.
        own.with_suffix(".toml").write_text("confidence_threshold = 0\n")
        server.reload()
        wait_until(lambda: scrape(server).get(reloads) == 1)
        after = [detect(stub, RAW) for _ in range(2)]
    assert [each.cached for each in (*before, *after)] == [False, True, False, True]
    assert before[0].model_version == after[0].model_version
    assert len(before[1].detections) < len(after[0].detections) == len(after[1].detections)


@pytest.fixture
def hang(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], threading.Event]]:
    """Call it, and all work from then on hangs; it returns what lets the work go on."""
    let_go = threading.Event()
    let_go.set()

    def hanging(*arguments: Any, **options: Any) -> Placement:
        assert let_go.wait(60)
        return fit(*arguments, **options)

    def begin() -> threading.Event:
        let_go.clear()
        return let_go

    monkeypatch.setattr("facewire_server.inference.detector.fit", hanging)
    yield begin
    let_go.set()


def test_a_full_queue_holds_up_and_refuses_none_that_is_kept(
    hang: Callable[[], threading.Event], photo: bytes
) -> None:
    with caching(max_parallel=1, max_queue=0) as (server, stub):
        detect(stub, RAW)
        let_go = hang()
        held = stub.Detect.future(pb.DetectRequest(encoded_image=photo), timeout=60)
        wait_until(lambda: counted(server) == (0, 2))
        with pytest.raises(grpc.RpcError) as caught:
            detect(stub, pb.DetectRequest(encoded_image=b"another"))
        assert reason(caught.value)[1] == "QUEUE_FULL"
        assert detect(stub, RAW).cached
        assert not held.done()
        let_go.set()
        assert not held.result().cached


def test_a_server_that_drains_refuses_what_is_kept_too(
    hang: Callable[[], threading.Event], photo: bytes
) -> None:
    def refused() -> bool:
        try:
            return not detect(stub, RAW).cached
        except grpc.RpcError as error:
            return reason(error)[1] == "SHUTTING_DOWN"

    with caching() as (server, stub):
        detect(stub, RAW)
        let_go = hang()
        held = stub.Detect.future(pb.DetectRequest(encoded_image=photo), timeout=60)
        wait_until(lambda: counted(server) == (0, 2))
        assert not refused()
        server.begin_drain()
        wait_until(refused)
        let_go.set()
        assert held.result().detections


def test_the_frames_of_a_stream_are_answered_from_the_cache(photo: bytes) -> None:
    images = [photo, b"no image", photo, photo]
    frames = [
        pb.DetectStreamRequest(frame_id=number, request=pb.DetectRequest(encoded_image=image))
        for number, image in enumerate(images)
    ]
    with caching() as (_, stub):
        single = detect(stub, frames[0].request)
        answers = list(stub.DetectStream(iter(frames), timeout=60))
    assert [each.frame_id for each in answers] == [0, 1, 2, 3]
    assert answers[1].error.reason == "UNSUPPORTED_FORMAT"
    for each in (answers[0], answers[2], answers[3]):
        assert each.response.cached
        assert plain(each.response) == plain(single)


def test_a_newest_frame_that_is_kept_is_answered_while_all_workers_are_busy(
    hang: Callable[[], threading.Event], photo: bytes
) -> None:
    frame = pb.DetectStreamRequest(
        frame_id=7, request=RAW, overflow_policy=pb.OVERFLOW_POLICY_DROP_OLDEST
    )
    with caching(max_parallel=1) as (server, stub):
        detect(stub, RAW)
        let_go = hang()
        held = stub.Detect.future(pb.DetectRequest(encoded_image=photo), timeout=60)
        wait_until(lambda: counted(server) == (0, 2))
        (answer,) = stub.DetectStream(iter([frame]), timeout=60)
        assert (answer.frame_id, answer.response.cached) == (7, True)
        assert not held.done()
        let_go.set()


def test_a_kept_answer_needs_a_token_like_any_other(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("right")
    with caching(token_file=tokens) as (server, stub):
        stub.Detect(RAW, metadata=(("authorization", "Bearer right"),), timeout=60)
        with pytest.raises(grpc.RpcError) as caught:
            detect(stub, RAW)
        assert reason(caught.value)[1] == "BAD_TOKEN"
        assert counted(server) == (0, 1)


def test_the_log_says_which_answers_were_kept(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "facewire_server.service.gate")
    with caching() as (_, stub):
        for _ in range(2):
            detect(stub, RAW)
    ended = [each for each in caplog.records if each.getMessage() == "ended"]
    assert [getattr(each, "cached", "") for each in ended] == ["", "yes"]


def test_the_client_tells_a_kept_answer(photo: bytes) -> None:
    with caching() as (server, _), FaceClient(server.target) as client:
        first, second = client.detect(photo), client.detect(photo)
    assert (first.cached, second.cached) == (False, True)
    assert first.faces == second.faces
