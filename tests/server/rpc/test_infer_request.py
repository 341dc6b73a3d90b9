"""Requests of the Open Inference Protocol that are refused, over real gRPC: the reasons."""

import grpc
import pytest

from facewire.inference.v2 import open_inference_pb2 as pb
from facewire.inference.v2.open_inference_pb2_grpc import GRPCInferenceServiceStub
from tests.server.infer import elements, raw, refused, typed

MODEL = "face-detection-nano"
INVALID = grpc.StatusCode.INVALID_ARGUMENT
Parameter = pb.InferParameter


@pytest.fixture(scope="module")
def infer(channel: grpc.Channel) -> GRPCInferenceServiceStub:
    """The generated stub on the shared connection."""
    return GRPCInferenceServiceStub(channel)


def test_one_bad_photo_fails_the_batch_by_its_index(
    infer: GRPCInferenceServiceStub, photo: bytes
) -> None:
    code, why, message = refused(infer, raw("BYTES", [3], elements(photo, photo, photo[:999])))
    assert (code, why) == (INVALID, "CORRUPT_IMAGE")
    assert message.startswith("image 2: ")
    code, why, message = refused(infer, raw("BYTES", [2], elements(photo, b"")))
    assert (code, why) == (INVALID, "EMPTY_IMAGE")
    assert "image 1" in message


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("min_confidence", Parameter(double_param=1.5), "min_confidence"),
        ("min_confidence", Parameter(double_param=float("nan")), "min_confidence"),
        ("iou_threshold", Parameter(string_param="0.5"), "iou_threshold is no number"),
        ("max_detections", Parameter(int64_param=0), "max_detections"),
        ("max_detections", Parameter(double_param=float("inf")), "max_detections"),
        ("timeout", Parameter(int64_param=-1), "timeout"),
        ("timeout", Parameter(), "timeout is no number"),
        ("min_confidense", Parameter(double_param=0.5), "'min_confidense'"),
    ],
)
def test_a_parameter_that_does_not_fit_is_named(
    infer: GRPCInferenceServiceStub, photo: bytes, name: str, value: Parameter, part: str
) -> None:
    request = raw("BYTES", [1], elements(photo))
    request.parameters[name].CopyFrom(value)
    code, why, message = refused(infer, request)
    assert (code, why) == (INVALID, "BAD_OPTION")
    assert part in message


@pytest.mark.parametrize(
    ("request_", "part"),
    [
        (pb.ModelInferRequest(), "0 inputs"),
        (raw("BYTES", [2], elements(b"a")), "'image' has 1 elements"),
        (raw("BYTES", [1], elements(b"a", b"b")), "'image' has 2 elements"),
        (raw("BYTES", [1], b"\1\0"), "'image' ends within the length of element 0"),
        (raw("BYTES", [1], b"\4\0\0\0abc"), "'image' ends within element 0"),
        (raw("BYTES", [1], b"\xff\xff\xff\xff"), "'image' ends within element 0"),
        (raw("BYTES", [], b""), "BYTES [] instead of"),
        (raw("BYTES", [1, 2], b""), "BYTES [1,2] instead of"),
        (raw("BYTES", [0], b""), "0 images"),
        (raw("BYTES", [-1], b""), "-1 images"),
        (raw("BYTES", [257], elements(*[b"a"] * 257)), "257 images"),
        (raw("UINT8", [2, 2, 3], b"a" * 13), "'image' has 13 bytes"),
        (raw("UINT8", [0, 2, 3], b""), "UINT8 [0,2,3] instead of"),
        (raw("UINT8", [1 << 62, 1 << 62, 3], b""), "'image' has 0 bytes"),
        (raw("UINT8", [3], b"abc"), "UINT8 [3] instead of"),
        (raw("UINT8", [1] * 9 + [3], b"abc"), "'image' has 10 dimensions"),
        (raw("FP32", [1, 3, 4, 4], b"a" * 192), "FP32 [1,3,4,4]"),
        (raw("", [1], b""), "BYTES [N] or"),
        (typed("UINT8", [1, 1, 3], uint_contents=[1, 2, 256]), "over 255"),
        (typed("UINT8", [1, 1, 3], int_contents=[1, 2, 3]), "'image' has 0 bytes"),
    ],
)
def test_an_input_that_does_not_fit_is_named(
    infer: GRPCInferenceServiceStub, request_: pb.ModelInferRequest, part: str
) -> None:
    code, why, message = refused(infer, request_)
    assert (code, why) == (INVALID, "BAD_TENSOR")
    assert part in message


def test_data_is_either_raw_or_typed(infer: GRPCInferenceServiceStub, photo: bytes) -> None:
    both = typed("BYTES", [1], bytes_contents=[photo])
    both.raw_input_contents.append(elements(photo))
    none = pb.ModelInferRequest(inputs=both.inputs)
    none.inputs[0].ClearField("contents")
    two = raw("BYTES", [1], elements(photo))
    two.raw_input_contents.append(b"")
    for request, part in ((both, "as well"), (none, "no data"), (two, "2 entries")):
        code, why, message = refused(infer, request)
        assert (code, why) == (INVALID, "BAD_TENSOR")
        assert part in message


def test_many_numbers_are_to_be_sent_raw(infer: GRPCInferenceServiceStub) -> None:
    request = typed("UINT8", [300, 300, 3], uint_contents=bytes(300 * 300 * 3))
    code, why, message = refused(infer, request)
    assert (code, why) == (INVALID, "BAD_TENSOR")
    assert "send them in raw_input_contents" in message


def test_many_parameters_are_refused(infer: GRPCInferenceServiceStub, photo: bytes) -> None:
    of_input = raw("BYTES", [1], elements(photo), **{str(i): "" for i in range(17)})
    of_request = raw("BYTES", [1], elements(photo))
    for number in range(17):
        of_request.parameters[str(number)].int64_param = number
    for request, owner in ((of_input, "input 'image'"), (of_request, "the request")):
        code, why, message = refused(infer, request)
        assert (code, why) == (INVALID, "BAD_OPTION")
        assert message == f"{owner} has 17 parameters"


def test_an_unknown_pixel_format_is_refused(infer: GRPCInferenceServiceStub) -> None:
    request = raw("UINT8", [1, 1, 3], b"abc", pixel_format="HSV")
    code, why, message = refused(infer, request)
    assert (code, why) == (INVALID, "BAD_OPTION")
    assert "'HSV'" in message
    request = raw("UINT8", [1, 1, 3], b"abc", shared_memory="r")
    code, why, message = refused(infer, request)
    assert (code, why) == (INVALID, "BAD_OPTION")
    assert "'shared_memory'" in message


@pytest.mark.parametrize("names", [["landmarks"], ["boxes", "boxes"], ["x" * 9999]])
def test_outputs_that_are_unknown_or_repeated_are_refused(
    infer: GRPCInferenceServiceStub, photo: bytes, names: list[str]
) -> None:
    request = raw("BYTES", [1], elements(photo))
    for name in names:
        request.outputs.add(name=name)
    code, why, message = refused(infer, request)
    assert (code, why) == (INVALID, "BAD_TENSOR")
    assert names[0][:64] in message and len(message) < 300


def test_an_output_with_parameters_is_refused(
    infer: GRPCInferenceServiceStub, photo: bytes
) -> None:
    request = raw("BYTES", [1], elements(photo))
    request.outputs.add(name="boxes").parameters["classification"].int64_param = 1
    assert refused(infer, request)[:2] == (INVALID, "BAD_OPTION")


def test_another_model_or_version_is_not_found(
    infer: GRPCInferenceServiceStub, photo: bytes
) -> None:
    (version,) = infer.ModelMetadata(pb.ModelMetadataRequest()).versions
    request = raw("BYTES", [1], elements(photo))
    request.model_name, request.model_version = MODEL, version
    assert infer.ModelInfer(request, timeout=30).model_version == version
    request.model_version = "1"
    assert refused(infer, request)[:2] == (grpc.StatusCode.NOT_FOUND, "UNKNOWN_MODEL")
    request.model_name, request.model_version = "other", ""
    assert refused(infer, request)[:2] == (grpc.StatusCode.NOT_FOUND, "UNKNOWN_MODEL")
