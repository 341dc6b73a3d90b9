"""GRPCInferenceService over real gRPC: the answers of Detect."""

from typing import Any

import cv2
import grpc
import numpy as np
import pytest

from facewire.inference.v2.open_inference_pb2_grpc import GRPCInferenceServiceStub
from facewire.v1 import detect_pb2
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_server.config import Config
from facewire_server.lifecycle.background import BackgroundServer
from tests.server.infer import elements, outputs, raw, refused, typed
from tests.server.rpc_errors import reason
from tests.server.scrape import scrape

MODEL = "face-detection-nano"


@pytest.fixture(scope="module")
def infer(channel: grpc.Channel) -> GRPCInferenceServiceStub:
    """The generated stub on the shared connection."""
    return GRPCInferenceServiceStub(channel)


@pytest.fixture(scope="module")
def rows(stub: DetectServiceStub, photo: bytes) -> list[list[float]]:
    """The boxes and confidences that Detect finds in the photo."""
    return detected(stub, detect_pb2.DetectRequest(encoded_image=photo))


def detected(stub: DetectServiceStub, request: detect_pb2.DetectRequest) -> list[list[float]]:
    found = stub.Detect(request, timeout=30).detections
    boxes = [(each.box, each.confidence) for each in found]
    return [[box.x_min, box.y_min, box.x_max, box.y_max, score] for box, score in boxes]


@pytest.mark.parametrize("shape", [[1], [1, 1]])
@pytest.mark.parametrize("form", ["raw", "typed"])
def test_a_photo_is_answered_with_the_boxes_of_detect(
    infer: GRPCInferenceServiceStub,
    photo: bytes,
    rows: list[list[float]],
    shape: list[int],
    form: str,
) -> None:
    if form == "raw":
        request = raw("BYTES", shape, elements(photo))
    else:
        request = typed("BYTES", shape, bytes_contents=[photo])
    request.id = "42"
    request.inputs[0].contents.SetInParent()  # as MLServer's client does beside raw data
    response = infer.ModelInfer(request, timeout=30)
    assert (response.model_name, response.id) == (MODEL, "42")
    found = outputs(response)
    assert list(found) == ["boxes", "labels", "image_index", "image_size"]
    np.testing.assert_array_equal(found["boxes"], np.array(rows, np.float32))
    assert found["labels"].tolist() == found["image_index"].tolist() == [0] * len(rows)
    assert found["image_size"].tolist() == [[512, 512]]


@pytest.mark.parametrize("batched", [False, True])
def test_pixels_are_bgr_unless_a_parameter_says_rgb(
    infer: GRPCInferenceServiceStub, stub: DetectServiceStub, photo: bytes, batched: bool
) -> None:
    pixels: Any = cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR)
    raw_image = detect_pb2.RawImage(
        data=pixels.tobytes(), width=512, height=512, pixel_format=detect_pb2.PIXEL_FORMAT_BGR
    )
    expected = detected(stub, detect_pb2.DetectRequest(raw_image=raw_image))
    shape = [1, 512, 512, 3] if batched else [512, 512, 3]
    bgr = raw("UINT8", shape, pixels.tobytes(), content_type="np", binary_data_size="1")
    rgb = raw("UINT8", shape, pixels[..., ::-1].tobytes(), pixel_format="RGB")
    for request in (bgr, rgb):
        found = outputs(infer.ModelInfer(request, timeout=30))
        np.testing.assert_array_equal(found["boxes"], np.array(expected, np.float32))


def test_numbers_are_pixels_too(infer: GRPCInferenceServiceStub) -> None:
    request = typed("UINT8", [2, 3, 3], uint_contents=range(18))
    found = outputs(infer.ModelInfer(request, timeout=30))
    assert found["boxes"].shape == (0, 5)
    assert found["image_size"].tolist() == [[3, 2]]


def test_a_batch_is_answered_as_one(
    infer: GRPCInferenceServiceStub, photo: bytes, rows: list[list[float]]
) -> None:
    # More than the queue of this server has places for.
    blank = cv2.imencode(".png", np.zeros((20, 30, 3), np.uint8))[1].tobytes()
    batch = [photo, blank, blank] * 12
    request = raw("BYTES", [len(batch), 1], elements(*batch))
    found = outputs(infer.ModelInfer(request, timeout=60))
    np.testing.assert_array_equal(found["boxes"], np.array(rows * 12, np.float32))
    faces = [index for index in range(36) if index % 3 == 0 for _ in rows]
    assert found["image_index"].tolist() == faces
    assert found["image_size"].tolist() == [[512, 512], [30, 20], [30, 20]] * 12


def test_parameters_are_those_of_detect(
    infer: GRPCInferenceServiceStub, photo: bytes, rows: list[list[float]]
) -> None:
    request = raw("BYTES", [1], elements(photo))
    request.parameters["min_confidence"].double_param = rows[0][4] + 0.01
    request.parameters["priority"].uint64_param = 3
    request.parameters["sequence_id"].int64_param = 7
    request.parameters["sequence_start"].bool_param = True
    assert not len(outputs(infer.ModelInfer(request, timeout=30))["boxes"])
    request.parameters["min_confidence"].int64_param = 0
    assert len(outputs(infer.ModelInfer(request, timeout=30))["boxes"]) > 1
    request.parameters["max_detections"].double_param = 1.0
    assert len(outputs(infer.ModelInfer(request, timeout=30))["boxes"]) == 1


def test_a_timeout_in_microseconds_is_a_deadline(
    infer: GRPCInferenceServiceStub, photo: bytes
) -> None:
    request = raw("BYTES", [1], elements(photo))
    request.parameters["timeout"].int64_param = 1
    code, why, _ = refused(infer, request)
    assert (code, why) == (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_UNREACHABLE")
    with pytest.raises(grpc.RpcError, match="after the deadline"):
        infer.ModelInfer(request)  # gRPC knows of no deadline here
    request.parameters["timeout"].int64_param = 60_000_000
    infer.ModelInfer(request, timeout=30)


def test_only_the_outputs_that_are_asked_for_come_in_their_order(
    infer: GRPCInferenceServiceStub, photo: bytes
) -> None:
    request = raw("BYTES", [1], elements(photo))
    for name in ("image_size", "boxes"):
        request.outputs.add(name=name)
    assert list(outputs(infer.ModelInfer(request, timeout=30))) == ["image_size", "boxes"]


def test_a_message_over_the_limit_is_refused(
    infer: GRPCInferenceServiceStub, channel: grpc.Channel
) -> None:
    request = raw("BYTES", [1], elements(bytes(1 << 20)))
    code, why, _ = refused(infer, request)
    assert (code, why) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "MESSAGE_TOO_LARGE")
    # Nor is it parsed: inputs are no bytes of 0xff.
    inputs = b"\x2a\x80\x80\x40" + b"\xff" * (1 << 20)
    call: Any = channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")
    with pytest.raises(grpc.RpcError) as caught:
        call(inputs, timeout=30)
    assert reason(caught.value) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "MESSAGE_TOO_LARGE")


def test_both_services_answer_from_one_cache(photo: bytes) -> None:
    config = Config(port=0, metrics_port=0, response_cache_mb=1)
    with (
        BackgroundServer(config) as server,
        grpc.insecure_channel(server.target) as channel,
    ):
        request = detect_pb2.DetectRequest(encoded_image=photo)
        kept = detected(DetectServiceStub(channel), request)
        response = GRPCInferenceServiceStub(channel).ModelInfer(
            raw("BYTES", [2], elements(photo, photo)), timeout=30
        )
        assert scrape(server)["facewire_response_cache_hits_total"] == 2
    np.testing.assert_array_equal(outputs(response)["boxes"], np.array(kept * 2, np.float32))
