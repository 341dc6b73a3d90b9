"""GRPCInferenceService over real gRPC: what it says about server and models."""

import asyncio
from importlib.metadata import version
from typing import Any

import grpc
import pytest

from facewire.inference.v2 import open_inference_pb2 as pb
from facewire.inference.v2.open_inference_pb2_grpc import GRPCInferenceServiceStub
from facewire_server.config import Config
from facewire_server.lifecycle.background import BackgroundServer
from facewire_server.lifecycle.loading import start_loading
from facewire_server.lifecycle.server import Server
from facewire_server.models.description import Description
from facewire_server.rpc import infer_response
from tests.server.health import SERVING, check
from tests.server.infer import elements, raw
from tests.server.rpc_errors import reason
from tests.server.scrape import scrape

MODEL = "face-detection-nano"
OUTPUTS = [
    ("boxes", "FP32", [-1, 5]),
    ("labels", "INT32", [-1]),
    ("image_index", "INT32", [-1]),
    ("image_size", "INT32", [-1, 2]),
]


@pytest.fixture(scope="module")
def infer(channel: grpc.Channel) -> GRPCInferenceServiceStub:
    """The generated stub on the shared connection."""
    return GRPCInferenceServiceStub(channel)


def test_the_server_is_live_and_ready(infer: GRPCInferenceServiceStub) -> None:
    assert infer.ServerLive(pb.ServerLiveRequest()).live
    assert infer.ServerReady(pb.ServerReadyRequest()).ready
    assert infer.ModelReady(pb.ModelReadyRequest(name=MODEL)).ready


def test_an_unknown_model_is_not_ready(infer: GRPCInferenceServiceStub) -> None:
    assert not infer.ModelReady(pb.ModelReadyRequest(name="other")).ready
    assert not infer.ModelReady(pb.ModelReadyRequest(name=MODEL, version="1")).ready


def test_the_metadata_name_inputs_and_outputs(infer: GRPCInferenceServiceStub) -> None:
    server = infer.ServerMetadata(pb.ServerMetadataRequest())
    assert (server.name, server.version) == ("facewire", version("facewire"))
    model = infer.ModelMetadata(pb.ModelMetadataRequest(name=MODEL))
    assert (model.name, model.platform) == (MODEL, "facewire_openvino")
    (image,) = model.inputs
    assert (image.name, image.datatype, list(image.shape)) == ("image", "BYTES", [-1])
    found = [(each.name, each.datatype, list(each.shape)) for each in model.outputs]
    assert found == OUTPUTS
    config = infer.ModelConfig(pb.ModelConfigRequest(name=MODEL)).config
    assert [(each.name, list(each.dims)) for each in config.output] == [
        (name, shape) for name, _, shape in OUTPUTS
    ]
    assert config.max_batch_size == 0


def test_a_model_with_landmarks_has_an_output_for_them() -> None:
    description = Description(
        name="yunet",
        labels=("face",),
        head="YuNet raw",
        resize="fit_to_window",
        input_width=640,
        input_height=640,
        device="CPU",
        precision="FP32",
        sha256="0" * 64,
        min_confidence=0.6,
        iou_threshold=0.45,
        landmarks=True,
    )
    names = [output.name for output in infer_response.outputs(description)]
    assert names == ["boxes", "labels", "landmarks", "image_index", "image_size"]


def test_the_repository_lists_the_loaded_models(infer: GRPCInferenceServiceStub) -> None:
    (entry,) = infer.RepositoryIndex(pb.RepositoryIndexRequest(ready=True)).models
    (loaded,) = infer.ModelMetadata(pb.ModelMetadataRequest(name=MODEL)).versions
    assert (entry.name, entry.version, entry.state) == (MODEL, loaded, "READY")


@pytest.mark.parametrize("method", ["ModelMetadata", "ModelConfig", "ModelStatistics"])
def test_an_unknown_model_is_not_found(infer: GRPCInferenceServiceStub, method: str) -> None:
    request = getattr(pb, f"{method}Request")
    with pytest.raises(grpc.RpcError, match="no model 'other'") as caught:
        getattr(infer, method)(request(name="other"))
    assert reason(caught.value) == (grpc.StatusCode.NOT_FOUND, "UNKNOWN_MODEL")


SERVED = {
    *("ServerLive", "ServerReady", "ModelReady", "ServerMetadata", "ModelMetadata"),
    *("ModelInfer", "ModelStreamInfer", "ModelConfig", "ModelStatistics", "RepositoryIndex"),
}
SERVICE = pb.DESCRIPTOR.services_by_name["GRPCInferenceService"]


@pytest.mark.parametrize(
    "method", [each for each in SERVICE.methods if each.name not in SERVED], ids=lambda m: m.name
)
def test_what_is_not_served_says_so(channel: grpc.Channel, method: Any) -> None:
    call: Any = channel.unary_unary(f"/{SERVICE.full_name}/{method.name}")
    with pytest.raises(grpc.RpcError, match=f"{method.name} is not served: ") as caught:
        call(b"", timeout=30)
    assert reason(caught.value) == (grpc.StatusCode.UNIMPLEMENTED, "NOT_SERVED")


def test_a_server_is_ready_from_its_models_being_loaded_to_its_drain() -> None:
    async def readiness() -> list[bool]:
        found = []
        config = Config(port=0, metrics_port=None)
        async with (
            Server(config) as server,
            grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel,
        ):
            stub: Any = GRPCInferenceServiceStub(channel)

            async def note() -> None:
                assert (await stub.ServerLive(pb.ServerLiveRequest(), timeout=30)).live
                ready = (await stub.ServerReady(pb.ServerReadyRequest(), timeout=30)).ready
                model = await stub.ModelReady(pb.ModelReadyRequest(), timeout=30)
                assert model.ready == ready
                found.append(ready)

            await note()
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await stub.ModelInfer(pb.ModelInferRequest(), timeout=30)
            assert reason(caught.value) == (grpc.StatusCode.UNAVAILABLE, "NOT_READY")
            await server.load(start_loading(config))
            await server.open()
            await note()
            await server.drain()
            await note()
        return found

    assert asyncio.run(readiness()) == [False, True, False]


def test_requests_are_counted_by_their_own_method(
    infer: GRPCInferenceServiceStub, server: BackgroundServer, photo: bytes
) -> None:
    answered = f'facewire_requests_total{{code="OK",method="ModelInfer",model="{MODEL}"}}'
    decoded = f'facewire_stage_seconds_count{{model="{MODEL}",stage="decode"}}'
    before = scrape(server)
    infer.ModelInfer(raw("BYTES", [3], elements(photo, photo, photo)), timeout=30)
    after = scrape(server)
    assert after[answered] - before.get(answered, 0) == 1
    assert after[decoded] - before.get(decoded, 0) == 3


def test_statistics_are_those_of_the_metrics(
    infer: GRPCInferenceServiceStub, server: BackgroundServer, photo: bytes
) -> None:
    def counts() -> pb.ModelStatistics:
        (named,) = infer.ModelStatistics(pb.ModelStatisticsRequest(name=MODEL)).model_stats
        (only,) = infer.ModelStatistics(pb.ModelStatisticsRequest()).model_stats
        assert named == only
        return named

    before = counts()
    infer.ModelInfer(raw("BYTES", [2], elements(photo, photo)), timeout=30)
    with pytest.raises(grpc.RpcError):
        infer.ModelInfer(raw("BYTES", [1], elements(b"no photo")), timeout=30)
    after, scraped = counts(), scrape(server)
    assert (after.name, after.version) == (before.name, before.version)
    assert after.inference_count - before.inference_count == 2
    assert after.execution_count - before.execution_count == 2
    assert after.last_inference > before.last_inference
    new, old = after.inference_stats, before.inference_stats
    for field, grown in (("success", 1), ("fail", 1), ("queue", 2), ("compute_infer", 2)):
        assert getattr(new, field).count - getattr(old, field).count == grown
        assert getattr(new, field).ns > getattr(old, field).ns
    for field, stage in (("compute_input", "decode"), ("compute_output", "postprocess")):
        seconds = scraped[f'facewire_stage_seconds_sum{{model="{MODEL}",stage="{stage}"}}']
        assert getattr(new, field).ns == pytest.approx(1e9 * seconds)


def test_health_knows_the_service(channel: grpc.Channel) -> None:
    assert check(channel, SERVICE.full_name) == SERVING
