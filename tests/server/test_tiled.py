"""Requests for tiles to a real server: their answers, their limit, and others beside them."""

import threading
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_server.config import Config
from facewire_server.lifecycle.background import BackgroundServer
from tests.server.constant_model import SIDE, write_constant_model
from tests.server.hanging_model import write_hanging_model
from tests.server.rpc_errors import reason
from tests.server.scrape import scrape

CASE = Path(__file__).parents[3] / "shared" / "cases" / "models" / "28_otx_tiled.xml"

# Otherwise gRPC would lead both clients of this process over one connection.
OWN_CONNECTION = (("grpc.use_local_subchannel_pool", 1),)
ON = pb.DetectOptions(tiling=pb.TILING_POLICY_ON)
OFF = pb.DetectOptions(tiling=pb.TILING_POLICY_OFF)


def wide(tiles: int, brightness: int = 0) -> pb.RawImage:
    """A grey image of so many tiles of the input's size; with the whole image one more."""
    width = SIDE + (tiles - 1) * int(SIDE * 0.8)
    return pb.RawImage(
        data=bytes([brightness]) * (width * SIDE),
        width=width,
        height=SIDE,
        pixel_format=pb.PIXEL_FORMAT_GRAY,
    )


def constant(folder: Path) -> str:
    return str(write_constant_model(folder / "constant.xml", [(8, 8, 20, 20, 0.9, 0)], {}))


@pytest.fixture
def tiled(tmp_path: Path) -> Iterator[BackgroundServer]:
    """A server that finds one box in each tile, and takes 10 tiles."""
    config = Config(port=0, metrics_port=0, models=(constant(tmp_path),), max_tiles=10)
    with BackgroundServer(config) as running:
        yield running


def test_a_request_is_answered_once_for_all_its_tiles(tiled: BackgroundServer) -> None:
    with grpc.insecure_channel(tiled.target) as channel:
        stub = DetectServiceStub(channel)
        answer = stub.Detect(pb.DetectRequest(raw_image=wide(4), options=ON), timeout=60)
        whole = stub.Detect(pb.DetectRequest(raw_image=wide(4)), timeout=60)
    assert len(answer.detections) == 5
    assert len(whole.detections) == 1
    timing = answer.timing
    stages = timing.queue_us + timing.decode_us + timing.inference_us + timing.postprocess_us
    assert stages <= timing.total_us
    samples = scrape(tiled)
    assert samples['facewire_inferences_total{model="constant"}'] == 6
    assert samples['facewire_detections_total{model="constant"}'] == 6
    assert samples['facewire_stage_seconds_count{model="constant",stage="inference"}'] == 2


def test_a_stream_may_ask_for_tiles_of_each_frame(tiled: BackgroundServer) -> None:
    requests = [
        pb.DetectStreamRequest(request=pb.DetectRequest(raw_image=wide(3), options=options))
        for options in (ON, OFF, ON)
    ]
    with grpc.insecure_channel(tiled.target) as channel:
        answers = list(DetectServiceStub(channel).DetectStream(iter(requests), timeout=60))
    assert [len(each.response.detections) for each in answers] == [4, 1, 4]


def test_live_video_may_ask_for_tiles(tiled: BackgroundServer) -> None:
    frame = pb.DetectStreamRequest(
        request=pb.DetectRequest(raw_image=wide(3), options=ON),
        overflow_policy=pb.OVERFLOW_POLICY_DROP_OLDEST,
    )
    with grpc.insecure_channel(tiled.target) as channel:
        (answer,) = DetectServiceStub(channel).DetectStream(iter([frame]), timeout=60)
    assert len(answer.response.detections) == 4


def test_an_image_of_too_many_tiles_is_refused(tiled: BackgroundServer) -> None:
    with grpc.insecure_channel(tiled.target) as channel:
        stub = DetectServiceStub(channel)
        stub.Detect(pb.DetectRequest(raw_image=wide(9), options=ON), timeout=60)
        with pytest.raises(grpc.RpcError) as caught:
            stub.Detect(pb.DetectRequest(raw_image=wide(10), options=ON), timeout=60)
        code, why = reason(caught.value)
        assert (code, why) == (grpc.StatusCode.INVALID_ARGUMENT, "IMAGE_TOO_LARGE")
        assert "11 tiles of 64 x 64, and the limit is 10" in str(caught.value)
        stub.Detect(pb.DetectRequest(raw_image=wide(10), options=OFF), timeout=60)


@pytest.mark.parametrize(("tiles", "found"), [("off", 1), ("model", 1), ("on", 4)])
def test_the_server_may_use_tiles_for_every_model(tmp_path: Path, tiles: str, found: int) -> None:
    config = Config(port=0, metrics_port=None, models=(constant(tmp_path),), tiles=tiles)
    with (
        BackgroundServer(config) as server,
        grpc.insecure_channel(server.target) as channel,
    ):
        stub = DetectServiceStub(channel)
        answer = stub.Detect(pb.DetectRequest(raw_image=wide(3)), timeout=60)
        assert len(answer.detections) == found
        answer = stub.Detect(pb.DetectRequest(raw_image=wide(3), options=ON), timeout=60)
        assert len(answer.detections) == 4


def test_a_model_of_training_extensions_that_has_tiles_is_served_in_tiles() -> None:
    if not CASE.is_file():
        pytest.skip("../shared/cases/models is not here")
    config = Config(port=0, metrics_port=0, models=(str(CASE),))
    with (
        BackgroundServer(config) as server,
        grpc.insecure_channel(server.target) as channel,
    ):
        stub = DetectServiceStub(channel)
        stub.Detect(pb.DetectRequest(raw_image=wide(20)), timeout=60)
        inferences = scrape(server)['facewire_inferences_total{model="28_otx_tiled"}']
        assert inferences > 1
        stub.Detect(pb.DetectRequest(raw_image=wide(20), options=OFF), timeout=60)
        after = scrape(server)['facewire_inferences_total{model="28_otx_tiled"}']
        assert after == inferences + 1


def test_a_deadline_that_all_tiles_would_miss_is_refused_before_the_first(tmp_path: Path) -> None:
    path = str(write_hanging_model(tmp_path / "slow.xml", iterations=30_000))
    with (
        BackgroundServer(Config(port=0, metrics_port=0, models=(path,))) as server,
        grpc.insecure_channel(server.target) as channel,
    ):
        stub = DetectServiceStub(channel)
        stub.Detect(pb.DetectRequest(raw_image=wide(3, brightness=255), options=ON), timeout=60)
        before = scrape(server)['facewire_inferences_total{model="slow"}']
        with pytest.raises(grpc.RpcError) as caught:
            large = pb.DetectRequest(raw_image=wide(999, brightness=255), options=ON)
            stub.Detect(large, timeout=2)
        code, why = reason(caught.value)
        assert (code, why) == (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_UNREACHABLE")
        assert scrape(server)['facewire_inferences_total{model="slow"}'] == before


def test_small_requests_are_answered_beside_many_that_are_tiled(tmp_path: Path) -> None:
    """Each tile of the bright images takes a while; all workers would be taken by them."""
    path = str(write_hanging_model(tmp_path / "slow.xml", iterations=30_000))
    config = Config(port=0, metrics_port=None, models=(path,), max_parallel=4, max_queue=99)
    with (
        BackgroundServer(config) as server,
        grpc.insecure_channel(server.target, OWN_CONNECTION) as greedy,
        grpc.insecure_channel(server.target, OWN_CONNECTION) as modest,
    ):
        request = pb.DetectRequest(raw_image=wide(400, brightness=255), options=ON)
        calls = [DetectServiceStub(greedy).Detect.future(request) for _ in range(8)]
        threading.Event().wait(0.5)
        stub = DetectServiceStub(modest)
        for _ in range(5):
            small = pb.DetectRequest(raw_image=wide(1))
            assert len(stub.Detect(small, timeout=60).detections) == 1
        assert not any(call.done() for call in calls)
        for call in calls:
            call.cancel()
        # What was cancelled stops at its next tile: the workers are free again.
        few = pb.DetectRequest(raw_image=wide(3), options=ON)
        assert stub.Detect(few, timeout=60).detections
