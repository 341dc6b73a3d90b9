"""Tensors that the network does not take, over real gRPC: the reasons."""

import grpc
import numpy as np
import pytest

from facewire.inference.v2 import open_inference_pb2 as pb
from facewire.inference.v2.open_inference_pb2_grpc import GRPCInferenceServiceStub
from tests.server.infer import raw, refused, typed

INVALID = grpc.StatusCode.INVALID_ARGUMENT
SHAPE = [1, 3, 416, 416]
SIZE = 3 * 416 * 416
WANTED = "the network takes input FP32 [1,3,416,416] (as FP32, FP16, UINT8)"


@pytest.fixture(scope="module")
def infer(channel: grpc.Channel) -> GRPCInferenceServiceStub:
    """The generated stub on the shared connection."""
    return GRPCInferenceServiceStub(channel)


def named(name: str) -> pb.ModelInferRequest:
    request = raw("UINT8", SHAPE, bytes(SIZE))
    request.inputs[0].name = name
    return request


@pytest.mark.parametrize(
    ("request_", "part"),
    [
        (raw("FP32", [1, 3, 4, 4], bytes(192)), "image FP32 [1,3,4,4] is another tensor"),
        (raw("FP32", [1, 416, 416, 3], b""), "image FP32 [1,416,416,3] is another tensor"),
        (raw("UINT8", [2, 3, 416, 416], b""), "is a batch: send each image in a request"),
        (raw("FP16", SHAPE, bytes(SIZE)), f"has {SIZE} bytes, not {2 * SIZE}"),
        (raw("UINT8", SHAPE, bytes(SIZE - 1)), f"has {SIZE - 1} bytes, not {SIZE}"),
        (named("data"), "has another name"),
        (named("x" * 9999), "has another name"),
        (typed("FP16", SHAPE, fp32_contents=[1]), "send it in raw_input_contents"),
        (typed("FP32", SHAPE, uint_contents=bytes(9)), "has 0 numbers in fp32_contents"),
        (typed("FP32", SHAPE, fp32_contents=[1, 2]), "has 2 numbers in fp32_contents"),
    ],
    ids=str,
)
def test_the_network_names_the_tensor_that_it_takes(
    infer: GRPCInferenceServiceStub, request_: pb.ModelInferRequest, part: str
) -> None:
    code, why, message = refused(infer, request_)
    assert (code, why) == (INVALID, "BAD_TENSOR")
    assert message.startswith(WANTED) and part in message
    assert len(message) < 300


def test_numbers_of_uint8_are_bytes(infer: GRPCInferenceServiceStub) -> None:
    numbers = np.zeros(SIZE, np.uint32)
    numbers[-1] = 256
    code, why, message = refused(infer, typed("UINT8", SHAPE, uint_contents=numbers))
    assert (code, why) == (INVALID, "BAD_TENSOR")
    assert "over 255" in message


def test_options_are_refused_since_outputs_are_not_read(infer: GRPCInferenceServiceStub) -> None:
    for name in ("min_confidence", "iou_threshold", "max_detections"):
        request = raw("UINT8", SHAPE, bytes(SIZE))
        request.parameters[name].int64_param = 1
        code, why, message = refused(infer, request)
        assert (code, why) == (INVALID, "BAD_OPTION")
        assert name in message
    request = raw("UINT8", SHAPE, bytes(SIZE), pixel_format="RGB")
    code, why, message = refused(infer, request)
    assert (code, why) == (INVALID, "BAD_OPTION")
    assert "'pixel_format'" in message


def test_outputs_for_photos_are_unknown(infer: GRPCInferenceServiceStub) -> None:
    request = raw("UINT8", SHAPE, bytes(SIZE))
    request.outputs.add(name="boxes")
    code, why, message = refused(infer, request)
    assert (code, why) == (INVALID, "BAD_TENSOR")
    assert "'boxes'" in message and "bbox_8" in message
