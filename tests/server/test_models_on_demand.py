"""Models that callers load and unload over gRPC, with --model-control explicit."""

import logging
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from facewire.inference.v2 import open_inference_pb2 as pb
from facewire.inference.v2.open_inference_pb2_grpc import GRPCInferenceServiceStub
from facewire.v1 import detect_pb2
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_server.config import Config
from facewire_server.lifecycle.background import BackgroundServer
from facewire_server.models.source import EMBEDDED
from facewire_server.rpc.health import SERVICE
from tests.server.clients import needs, python, run
from tests.server.constant_model import write_constant_model
from tests.server.health import NOT_SERVING, SERVING, check
from tests.server.rpc_errors import reason
from tests.server.scrape import scrape

FACE = (8.0, 8.0, 56.0, 56.0, 0.9, 0)
IMAGE = detect_pb2.RawImage(
    data=bytes(12), width=2, height=2, pixel_format=detect_pb2.PIXEL_FORMAT_BGR
)

TRITON = """
import sys
import tritonclient.grpc as triton

client = triton.InferenceServerClient(sys.argv[1])
client.unload_model("second", unload_dependents=True)
print(client.is_model_ready("second"))
client.load_model("second")
print(client.is_model_ready("second"))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("models")
    for name in ("first", "second"):
        write_constant_model(made / f"{name}.xml", [FACE], {"labels": "face"})
    return made


@pytest.fixture(scope="module")
def running(folder: Path) -> Iterator[BackgroundServer]:
    """A server of two models, the first of which is the default."""
    config = Config(
        port=0,
        metrics_port=0,
        models=tuple(str(folder / f"{name}.xml") for name in ("first", "second")),
        model_control="explicit",
        compile_cache=False,
        cache=folder / "cache",
    )
    with BackgroundServer(config) as server:
        yield server


@pytest.fixture(scope="module")
def opened(running: BackgroundServer) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(running.target) as channel:
        yield channel


@pytest.fixture(scope="module")
def infer(opened: grpc.Channel) -> GRPCInferenceServiceStub:
    return GRPCInferenceServiceStub(opened)


def load(infer: GRPCInferenceServiceStub, name: str) -> None:
    request = pb.RepositoryModelLoadRequest(model_name=name)
    answer = infer.RepositoryModelLoad(request, timeout=60)
    assert (answer.model_name, answer.is_loaded) == (name, True)


def unload(infer: GRPCInferenceServiceStub, name: str) -> None:
    request = pb.RepositoryModelUnloadRequest(model_name=name)
    answer = infer.RepositoryModelUnload(request, timeout=60)
    assert (answer.model_name, answer.is_unloaded) == (name, True)


def index(infer: GRPCInferenceServiceStub, *, ready: bool = False) -> dict[str, tuple[str, str]]:
    models = infer.RepositoryIndex(pb.RepositoryIndexRequest(ready=ready), timeout=30).models
    return {model.name: (model.state, model.reason) for model in models}


def detect(channel: grpc.Channel, model: str) -> str:
    """The name of the model that answers."""
    request = detect_pb2.DetectRequest(raw_image=IMAGE, model=model)
    answer = DetectServiceStub(channel).Detect(request, timeout=60)
    assert len(answer.detections) == 1
    return answer.model_name


def assert_unknown(channel: grpc.Channel, model: str) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        detect(channel, model)
    assert reason(caught.value) == (grpc.StatusCode.NOT_FOUND, "UNKNOWN_MODEL")


def test_an_unloaded_model_is_gone_until_it_is_loaded(
    infer: GRPCInferenceServiceStub,
    opened: grpc.Channel,
    running: BackgroundServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert detect(opened, "second") == "second"
    with caplog.at_level(logging.WARNING):
        unload(infer, "second")
    assert "still run" not in caplog.text  # its memory is free
    assert_unknown(opened, "second")
    assert not infer.ModelReady(pb.ModelReadyRequest(name="second"), timeout=30).ready
    assert index(infer)["second"] == ("UNAVAILABLE", "it was unloaded")
    assert list(index(infer, ready=True)) == ["first"]
    assert check(opened, f"{SERVICE}/second") == NOT_SERVING
    (shown,) = [
        value
        for name, value in scrape(running).items()
        if name.startswith("facewire_model_info") and 'model="second"' in name
    ]
    assert shown == 0
    assert detect(opened, "") == "first"
    with pytest.raises(grpc.RpcError, match="no model 'second' is loaded"):
        unload(infer, "second")
    load(infer, "second")
    assert detect(opened, "second") == "second"
    assert index(infer)["second"] == ("READY", "")
    assert check(opened, f"{SERVICE}/second") == SERVING


def test_without_the_default_model_calls_have_to_name_one(
    infer: GRPCInferenceServiceStub, opened: grpc.Channel
) -> None:
    unload(infer, "first")
    assert_unknown(opened, "")
    assert detect(opened, "second") == "second"
    models = DetectServiceStub(opened).ListModels(detect_pb2.ListModelsRequest()).models
    assert [(model.name, model.is_default) for model in models] == [("second", False)]
    load(infer, "first")
    assert detect(opened, "") == "first"


def test_a_published_model_is_loaded_by_its_name(
    infer: GRPCInferenceServiceStub, opened: grpc.Channel
) -> None:
    assert EMBEDDED not in index(infer)
    load(infer, EMBEDDED)
    request = pb.ModelMetadataRequest(name=EMBEDDED)
    assert infer.ModelMetadata(request, timeout=30).name == EMBEDDED
    assert check(opened, f"{SERVICE}/{EMBEDDED}") == SERVING
    load(infer, EMBEDDED)  # which reloads it
    unload(infer, EMBEDDED)


def test_no_path_and_no_unknown_name_is_loaded(
    infer: GRPCInferenceServiceStub, folder: Path
) -> None:
    for name in (str(folder / "first.xml"), "first.xml", "../first", "other", ""):
        with pytest.raises(grpc.RpcError) as caught:
            load(infer, name)
        assert reason(caught.value) == (grpc.StatusCode.NOT_FOUND, "UNKNOWN_MODEL")
    with pytest.raises(grpc.RpcError) as caught:
        unload(infer, "")
    assert reason(caught.value) == (grpc.StatusCode.NOT_FOUND, "UNKNOWN_MODEL")


def test_files_that_cannot_be_used_change_nothing(
    infer: GRPCInferenceServiceStub, opened: grpc.Channel, folder: Path
) -> None:
    graph = (folder / "second.xml").read_bytes()
    (folder / "second.xml").write_bytes(b"no network")
    with pytest.raises(grpc.RpcError) as caught:
        load(infer, "second")
    assert reason(caught.value) == (grpc.StatusCode.FAILED_PRECONDITION, "MODEL_NOT_LOADED")
    assert str(folder) not in str(caught.value)
    assert detect(opened, "second") == "second"
    unload(infer, "second")
    with pytest.raises(grpc.RpcError):
        load(infer, "second")
    assert index(infer)["second"] == ("UNAVAILABLE", "it could not be loaded")
    (folder / "second.xml").write_bytes(graph)
    load(infer, "second")
    assert index(infer)["second"] == ("READY", "")


def test_a_published_model_that_is_not_in_the_cache_is_not_fetched(
    infer: GRPCInferenceServiceStub,
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        load(infer, "face-detection-0206")
    assert reason(caught.value) == (grpc.StatusCode.FAILED_PRECONDITION, "MODEL_NOT_LOADED")


def test_parameters_are_refused_and_the_name_may_be_where_kserve_has_it(
    infer: GRPCInferenceServiceStub,
) -> None:
    request = pb.RepositoryModelLoadRequest(model_name="second")
    request.parameters["config"].string_param = "{}"
    with pytest.raises(grpc.RpcError, match="'config'") as caught:
        infer.RepositoryModelLoad(request, timeout=60)
    assert reason(caught.value) == (grpc.StatusCode.INVALID_ARGUMENT, "BAD_OPTION")
    request = pb.RepositoryModelLoadRequest(repository_name="second")
    assert infer.RepositoryModelLoad(request, timeout=60).model_name == "second"


@needs("tritonclient")
def test_tritonclient_loads_and_unloads(running: BackgroundServer) -> None:
    assert run(python("tritonclient"), TRITON, running.target) == ["False", "True"]
