"""Tensors of the network's own input over real gRPC: the outputs of a plain OpenVINO script."""

from collections.abc import Iterator
from pathlib import Path

import grpc
import numpy as np
import pytest

from facewire.inference.v2 import open_inference_pb2 as pb
from facewire.inference.v2.open_inference_pb2_grpc import GRPCInferenceServiceStub
from facewire_server.config import Config
from facewire_server.lifecycle.background import BackgroundServer
from facewire_server.models.source import EMBEDDED_FILE
from tests.server.clients import needs, python, run, snippet
from tests.server.infer import outputs, raw, typed
from tests.server.own_model import change_weights, copy_embedded
from tests.server.plain_network import plain_outputs, planes
from tests.server.replaced import wait_until
from tests.server.scrape import scrape

PUBLISHED = (
    Path(__file__).parents[3] / "shared/models/face-detection-0205/FP16/face-detection-0205.xml"
)
SIDE = 416

with_published = pytest.mark.skipif(not PUBLISHED.exists(), reason="../shared/models is not here")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the embedded model, whose files may change."""
    return copy_embedded(tmp_path_factory.mktemp("own"))


@pytest.fixture(scope="module")
def running(own: Path) -> Iterator[BackgroundServer]:
    """A server of the embedded model and, where it is there, the published one, in f32."""
    published = (str(PUBLISHED),) if PUBLISHED.exists() else ()
    config = Config(
        port=0,
        metrics_port=0,
        models=(str(own), *published),
        inference_precision="f32",
        compile_cache=False,
    )
    with BackgroundServer(config) as server:
        yield server


@pytest.fixture(scope="module")
def infer(running: BackgroundServer) -> Iterator[GRPCInferenceServiceStub]:
    with grpc.insecure_channel(running.target) as channel:
        yield GRPCInferenceServiceStub(channel)


def assert_same(response: pb.ModelInferResponse, path: Path, tensor: np.ndarray) -> None:
    found, expected = outputs(response), plain_outputs(path, tensor)
    assert list(found) == list(expected)
    for name, values in expected.items():
        assert (found[name].dtype, found[name].shape) == (values.dtype, values.shape)
        # Sums of other numbers of threads differ in their last bits.
        np.testing.assert_allclose(found[name], values, 1e-4, 1e-4, err_msg=name)


@with_published
def test_a_published_model_answers_as_its_file_does(
    infer: GRPCInferenceServiceStub, photo: bytes
) -> None:
    tensor = planes(photo, SIDE)
    for datatype, values in (
        ("FP32", tensor),
        ("FP16", tensor.astype("<f2")),
        ("UINT8", tensor.astype("u1")),
    ):
        request = raw(datatype, [1, 3, SIDE, SIDE], values.tobytes())
        request.model_name = "face-detection-0205"
        response = infer.ModelInfer(request, timeout=60)
        assert [output.datatype for output in response.outputs] == ["FP32", "INT64"]
        assert_same(response, PUBLISHED, tensor)
        assert len(outputs(response)["boxes"])


@with_published
@needs("tritonclient")
def test_tritonclient_asks_as_it_asks_another_server_of_the_same_model(
    running: BackgroundServer, photo: bytes, tmp_path: Path
) -> None:
    tensor = planes(photo, SIDE)
    np.save(tmp_path / "tensor.npy", tensor)
    program = snippet("np.load(path)")
    lines = run(python("tritonclient"), program, running.target, tmp_path / "tensor.npy")
    expected = plain_outputs(PUBLISHED, tensor)
    rows = np.column_stack([expected["boxes"], expected["labels"]])
    found = np.array([line.split() for line in lines], float)
    np.testing.assert_allclose(found, rows, 1e-4, 1e-3)


def test_the_embedded_model_answers_as_its_file_does(
    infer: GRPCInferenceServiceStub, running: BackgroundServer, photo: bytes
) -> None:
    tensor, shape = planes(photo, SIDE), [1, 3, SIDE, SIDE]
    before = scrape(running)
    for request in (
        raw("FP32", shape, tensor.tobytes()),
        typed("FP32", shape, fp32_contents=tensor.ravel()),
        typed("UINT8", shape, uint_contents=tensor.astype("u1").tobytes()),
    ):
        request.id = "7"
        response = infer.ModelInfer(request, timeout=60)
        assert response.id == "7"
        assert_same(response, EMBEDDED_FILE, tensor)
    for stage in ("queue", "inference"):
        name = f'facewire_stage_seconds_count{{model="own",stage="{stage}"}}'
        assert scrape(running)[name] - before.get(name, 0) == 3


def test_the_outputs_of_the_network_may_be_asked_for(
    infer: GRPCInferenceServiceStub, photo: bytes
) -> None:
    tensor = planes(photo, SIDE)
    request = raw("FP32", [1, 3, SIDE, SIDE], tensor.tobytes())
    request.inputs[0].name = "input"
    names = ["bbox_32", "cls_8"]
    for name in names:
        request.outputs.add(name=name)
    response = infer.ModelInfer(request, timeout=60)
    (streamed,) = infer.ModelStreamInfer(iter([request]), timeout=60)
    expected = plain_outputs(EMBEDDED_FILE, tensor)
    for answer in (response, streamed.infer_response):
        found = outputs(answer)
        assert list(found) == names
        for name in names:
            np.testing.assert_allclose(found[name], expected[name], 1e-4, 1e-4)


def test_the_metadata_say_how_to_send_a_tensor(infer: GRPCInferenceServiceStub) -> None:
    metadata = infer.ModelMetadata(pb.ModelMetadataRequest(name="own"), timeout=30)
    config = infer.ModelConfig(pb.ModelConfigRequest(name="own"), timeout=30).config
    own = metadata.parameters["tensor_input"].string_param
    assert own == config.parameters["tensor_input"].string_value == "input FP32 [1,3,416,416]"
    returned = metadata.parameters["tensor_outputs"].string_param
    assert returned == config.parameters["tensor_outputs"].string_value
    assert returned.startswith("cls_8 FP32 [1,1,52,52]; bbox_8 FP32 [1,4,52,52]; ")


def test_a_reload_lets_go_of_the_network(
    infer: GRPCInferenceServiceStub, running: BackgroundServer, own: Path, photo: bytes
) -> None:
    request = raw("FP32", [1, 3, SIDE, SIDE], planes(photo, SIDE).tobytes())
    request.outputs.add(name="cls_8")
    before = infer.ModelInfer(request, timeout=60)
    change_weights(own)
    running.reload()

    def version() -> str:
        return infer.ModelMetadata(pb.ModelMetadataRequest(), timeout=30).versions[0]

    wait_until(lambda: version() != before.model_version)
    assert infer.ModelInfer(request, timeout=60).model_version == version()
