"""Tensors in shared memory over real gRPC."""

from collections.abc import Iterator
from pathlib import Path

import grpc
import numpy as np
import pytest
from numpy.typing import NDArray

from facewire.inference.v2 import open_inference_pb2 as pb
from facewire.inference.v2.open_inference_pb2_grpc import GRPCInferenceServiceStub
from facewire_ext import SharedMapping
from facewire_server.config import Config
from facewire_server.errors import Reason, RequestError
from facewire_server.lifecycle.background import BackgroundServer
from facewire_server.rpc.shared_memory import Place
from facewire_server.system.shared_memory import Region
from tests.server.infer import elements, outputs, place, raw, refused
from tests.server.rpc_errors import reason
from tests.server.scrape import scrape
from tests.server.shared_objects import register, shared, shared_object

INVALID = grpc.StatusCode.INVALID_ARGUMENT
LIMIT = 1 << 20


@pytest.fixture(scope="module")
def sharing() -> Iterator[BackgroundServer]:
    """A server with --shared-memory and a cache, for messages of at most LIMIT bytes."""
    config = Config(
        port=0, metrics_port=0, shared_memory=True, response_cache_mb=1, max_message_mb=1.0
    )
    with BackgroundServer(config) as server:
        yield server


@pytest.fixture(scope="module")
def infer(sharing: BackgroundServer) -> Iterator[GRPCInferenceServiceStub]:
    with grpc.insecure_channel(sharing.target) as channel:
        yield GRPCInferenceServiceStub(channel)


@pytest.fixture
def region(infer: GRPCInferenceServiceStub, pixels: NDArray[np.uint8]) -> Iterator[Path]:
    """The object that is registered as "r": 4096 other bytes, then the pixels of the photo."""
    with shared_object(bytes(4096) + pixels.tobytes()) as path:
        register(infer, "r", path)
        yield path
    infer.SystemSharedMemoryUnregister(pb.SystemSharedMemoryUnregisterRequest(), timeout=30)


def frame() -> pb.ModelInferRequest:
    """A request with the pixels of the photo, in the region "r"."""
    return shared("UINT8", [512, 512, 3], 512 * 512 * 3)


def test_pixels_in_a_region_have_the_boxes_of_those_in_a_message(
    infer: GRPCInferenceServiceStub, region: Path, pixels: NDArray[np.uint8]
) -> None:
    sent = infer.ModelInfer(raw("UINT8", [512, 512, 3], pixels.tobytes()), timeout=30)
    found = infer.ModelInfer(frame(), timeout=30)
    assert found == sent
    assert len(outputs(found)["boxes"])
    (answer,) = infer.ModelStreamInfer(iter([frame()]), timeout=30)
    assert answer.infer_response.raw_output_contents == sent.raw_output_contents


def test_pixels_are_read_anew_for_each_request(
    infer: GRPCInferenceServiceStub, sharing: BackgroundServer, region: Path
) -> None:
    hits = "facewire_response_cache_hits_total"
    before = scrape(sharing)[hits]
    assert len(outputs(infer.ModelInfer(frame(), timeout=30))["boxes"])
    with region.open("r+b") as file:
        file.write(bytes(region.stat().st_size))
    assert not len(outputs(infer.ModelInfer(frame(), timeout=30))["boxes"])
    assert scrape(sharing)[hits] == before


def test_photos_may_be_in_a_region_too(infer: GRPCInferenceServiceStub, photo: bytes) -> None:
    data = elements(photo, photo)
    sent = infer.ModelInfer(raw("BYTES", [2], data), timeout=30)
    with shared_object(data) as path:
        register(infer, "r", path)
        found = infer.ModelInfer(shared("BYTES", [2], len(data), 0), timeout=30)
        infer.SystemSharedMemoryUnregister(
            pb.SystemSharedMemoryUnregisterRequest(name="r"), timeout=30
        )
    assert found.raw_output_contents == sent.raw_output_contents


def test_outputs_are_written_where_they_are_wanted(
    infer: GRPCInferenceServiceStub, region: Path
) -> None:
    request = frame()
    expected = outputs(infer.ModelInfer(request, timeout=30))
    for name, offset in (("boxes", 100), ("image_size", 0), ("labels", None)):
        asked = request.outputs.add(name=name)
        if offset is not None:
            place(asked, "r", 100, offset)
    found = infer.ModelInfer(request, timeout=30)
    assert [output.name for output in found.outputs] == ["boxes", "image_size", "labels"]
    assert [len(data) for data in found.raw_output_contents] == [0, 0, 4]
    boxes, size, _ = found.outputs
    assert boxes.shape == [1, 5]
    assert boxes.parameters["shared_memory_region"].string_param == "r"
    assert boxes.parameters["shared_memory_byte_size"].int64_param == 20
    assert boxes.parameters["shared_memory_offset"].int64_param == 100
    assert size.parameters["shared_memory_offset"].int64_param == 0
    written = region.read_bytes()
    assert written[100:120] == expected["boxes"].tobytes()
    assert written[:8] == expected["image_size"].tobytes()
    assert not any(written[8:100] + written[120:4096])


def test_an_output_without_room_says_how_many_bytes_it_needs(
    infer: GRPCInferenceServiceStub, region: Path
) -> None:
    request = frame()
    place(request.outputs.add(name="boxes"), "r", 19)
    code, why, message = refused(infer, request)
    assert (code, why) == (INVALID, "BAD_REGION")
    assert message == "output 'boxes' needs 20 bytes, and 19 of the region 'r' are given"
    assert not any(region.read_bytes()[:4096])


def test_an_output_is_not_written_to_an_object_for_reading() -> None:
    with shared_object(b"abc") as path, path.open("rb") as file:
        region = Region("r", path.name, 0, SharedMapping(file.fileno(), 0, 3))
        with pytest.raises(RequestError, match="may not write to the region 'r'") as caught:
            Place("output 'boxes'", region, 0, 3).write(b"ab", {})
    assert caught.value.reason is Reason.BAD_REGION


@pytest.mark.parametrize(
    ("size", "offset", "why", "part"),
    [
        (None, 0, "BAD_REGION", "no shared_memory_byte_size"),
        (-1, 0, "BAD_OPTION", "shared_memory_byte_size is -1"),
        (1, -1, "BAD_OPTION", "shared_memory_offset is -1"),
        (790529, 0, "BAD_REGION", "input 'image' has 790529 bytes from 0 on, and the region"),
        (1, 790528, "BAD_REGION", "has 790528"),
        ((1 << 63) - 1, (1 << 63) - 1, "BAD_REGION", "has 790528"),
        (12, 0, "BAD_TENSOR", "input 'image' has 12 bytes"),
        (0, 0, "BAD_TENSOR", "input 'image' has 0 bytes"),
    ],
)
def test_a_part_that_is_not_in_the_region_is_refused(
    infer: GRPCInferenceServiceStub,
    region: Path,
    size: int | None,
    offset: int,
    why: str,
    part: str,
) -> None:
    code, found, message = refused(infer, shared("UINT8", [512, 512, 3], size, offset))
    assert (code, found) == (INVALID, why)
    assert part in message


@pytest.mark.parametrize("kind", ["uint64_param", "string_param"])
def test_numbers_of_other_types_are_refused(
    infer: GRPCInferenceServiceStub, region: Path, kind: str
) -> None:
    request = frame()
    value = {"uint64_param": (1 << 64) - 1, "string_param": "0"}[kind]
    setattr(request.inputs[0].parameters["shared_memory_offset"], kind, value)
    code, why, message = refused(infer, request)
    assert (code, why) == (INVALID, "BAD_OPTION")
    assert "shared_memory_offset is" in message


def test_other_faults_of_a_request_are_named(
    infer: GRPCInferenceServiceStub, region: Path, photo: bytes
) -> None:
    request = frame()
    place(request.inputs[0], "other", 1)
    assert refused(infer, request)[:2] == (grpc.StatusCode.NOT_FOUND, "UNKNOWN_REGION")
    request = frame()
    request.raw_input_contents.append(b"a")
    assert "data in the message as well" in refused(infer, request)[2]
    request = frame()
    del request.inputs[0].parameters["shared_memory_region"]
    assert refused(infer, request)[1] == "UNKNOWN_REGION"


def test_data_in_a_region_counts_to_the_size_of_the_message(
    infer: GRPCInferenceServiceStub,
) -> None:
    with shared_object(bytes(LIMIT)) as path:
        register(infer, "r", path)
        code, why, _ = refused(infer, shared("BYTES", [1], LIMIT, 0))
    assert (code, why) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "MESSAGE_TOO_LARGE")


def test_regions_are_registered_once_listed_and_let_go(
    infer: GRPCInferenceServiceStub, region: Path
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        register(infer, "r", region)
    assert reason(caught.value) == (grpc.StatusCode.ALREADY_EXISTS, "REGION_EXISTS")
    register(infer, "s", region, 5, 7)
    status = infer.SystemSharedMemoryStatus(pb.SystemSharedMemoryStatusRequest(), timeout=30)
    assert sorted(status.regions) == ["r", "s"]
    found = status.regions["s"]
    assert (found.name, found.key) == ("s", f"/{region.name}")
    assert (found.offset, found.byte_size) == (5, 7)
    one = pb.SystemSharedMemoryStatusRequest(name="s")
    assert list(infer.SystemSharedMemoryStatus(one, timeout=30).regions) == ["s"]
    infer.SystemSharedMemoryUnregister(pb.SystemSharedMemoryUnregisterRequest(name="s"), timeout=30)
    with pytest.raises(grpc.RpcError) as caught:
        infer.SystemSharedMemoryStatus(one, timeout=30)
    assert reason(caught.value) == (grpc.StatusCode.NOT_FOUND, "UNKNOWN_REGION")
    region.unlink()
    status = infer.SystemSharedMemoryStatus(pb.SystemSharedMemoryStatusRequest(), timeout=30)
    assert not status.regions


def test_the_server_says_that_it_serves_shared_memory(infer: GRPCInferenceServiceStub) -> None:
    metadata = infer.ServerMetadata(pb.ServerMetadataRequest(), timeout=30)
    assert "system_shared_memory" in metadata.extensions


def test_without_the_flag_tensors_in_shared_memory_are_not_served(channel: grpc.Channel) -> None:
    stub = GRPCInferenceServiceStub(channel)
    code, why, message = refused(stub, frame())
    assert (code, why) == (grpc.StatusCode.UNIMPLEMENTED, "NOT_SERVED")
    assert "--shared-memory" in message
    metadata = stub.ServerMetadata(pb.ServerMetadataRequest(), timeout=30)
    assert "system_shared_memory" not in metadata.extensions


def test_a_tensor_for_the_network_and_its_outputs_may_be_in_a_region(
    infer: GRPCInferenceServiceStub, region: Path
) -> None:
    shape, size = [1, 3, 416, 416], 3 * 416 * 416
    data = region.read_bytes()[4096 : 4096 + size]
    sent = outputs(infer.ModelInfer(raw("UINT8", shape, data), timeout=60))
    request = shared("UINT8", shape, size)
    request.outputs.add(name="bbox_32")
    place(request.outputs[0], "r", 4096, 0)
    answer = infer.ModelInfer(request, timeout=60)
    assert answer.raw_output_contents == [b""]
    written = np.frombuffer(region.read_bytes()[: sent["bbox_32"].nbytes], np.float32)
    np.testing.assert_array_equal(written, sent["bbox_32"].ravel())
    code, why, message = refused(infer, shared("UINT8", shape, size - 1))
    assert (code, why) == (INVALID, "BAD_TENSOR")
    assert f"has {size - 1} bytes, not {size}" in message
