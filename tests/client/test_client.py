"""FaceClient: the results of calls, and closing."""

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckResponse

from facewire.v1 import detect_pb2 as pb
from facewire_client import (
    Box,
    DetectResult,
    Face,
    FaceClient,
    FaceClientError,
    ModelInfo,
    Point,
    Timing,
)
from tests.client.fake_server import FakeServer

RESPONSE = pb.DetectResponse(
    detections=[
        pb.Detection(
            box=pb.BoundingBox(x_min=1.5, y_min=2.25, x_max=30, y_max=40.5),
            confidence=0.75,
            class_id=1,
            label="mask",
            landmarks=[pb.Point(x=-1.5, y=3), pb.Point(x=7.25, y=8)],
        ),
        pb.Detection(box=pb.BoundingBox(x_max=5, y_max=6), confidence=0.5),
    ],
    image_width=640,
    image_height=480,
    model_name="large",
    model_version="0123456789ab",
    timing=pb.Timing(queue_us=1, decode_us=2, inference_us=3, postprocess_us=4, total_us=11),
    cached=True,
)

RESULT = DetectResult(
    faces=(
        Face(
            box=Box(1.5, 2.25, 30, 40.5),
            confidence=0.75,
            label="mask",
            class_id=1,
            landmarks=(Point(-1.5, 3), Point(7.25, 8)),
        ),
        Face(box=Box(0, 0, 5, 6), confidence=0.5),
    ),
    image_size=(640, 480),
    model="large",
    model_version="0123456789ab",
    timing=Timing(1, 2, 3, 4, 11),
    cached=True,
)

NANO = ModelInfo(
    name="nano",
    version="0123456789ab",
    labels=("face",),
    input_size=(320, 240),
    device="CPU",
    precision="FP32",
    sha256="0123456789ab" + 52 * "0",
    is_default=True,
    min_confidence=0.5,
    iou_threshold=0.25,
)


def test_a_result_holds_all_fields_of_the_response(client: FaceClient, fake: FakeServer) -> None:
    fake.answer = lambda request: RESPONSE
    assert client.detect(b"x") == RESULT


def test_a_photo_without_faces_is_no_error(client: FaceClient) -> None:
    assert client.detect(b"x").faces == ()


def test_models_are_listed_in_the_order_of_the_server(client: FaceClient) -> None:
    first, second = client.models()
    assert first == NANO
    assert (second.name, second.labels) == ("large", ("face", "mask"))


def test_a_model_is_found_by_name_and_the_default_one_without(
    client: FaceClient,
) -> None:
    assert client.model() == NANO
    assert client.model("large").input_size == (640, 640)


def test_an_unknown_model_is_an_error(client: FaceClient) -> None:
    with pytest.raises(FaceClientError) as caught:
        client.model("absent")
    assert caught.value.code is grpc.StatusCode.NOT_FOUND
    assert caught.value.reason == "UNKNOWN_MODEL"


def test_health_is_that_of_the_server(client: FaceClient, fake: FakeServer) -> None:
    assert client.health() is True
    fake.health.set("", HealthCheckResponse.NOT_SERVING)
    assert client.health() is False


def test_the_health_of_a_model_is_asked_by_its_name(client: FaceClient, fake: FakeServer) -> None:
    service = "facewire.v1.DetectService/nano"
    fake.health.set(service, HealthCheckResponse.SERVING)
    assert client.health(model="nano") is client.health(service) is True
    with pytest.raises(ValueError, match="not both"):
        client.health(service, model="nano")


def test_the_health_of_an_unknown_service_is_an_error(client: FaceClient) -> None:
    with pytest.raises(FaceClientError, match="no service and no model") as caught:
        client.health("absent")
    assert caught.value.code is grpc.StatusCode.NOT_FOUND


def test_a_closed_client_takes_no_calls(fake: FakeServer) -> None:
    client = FaceClient(fake.target)
    client.detect(b"x")
    client.close()
    for call in (
        lambda: client.detect(b"x"),
        client.models,
        client.model,
        client.health,
        lambda: list(client.detect_stream([b"x"])),
    ):
        with pytest.raises(ValueError, match=f"client of {fake.target} is closed"):
            call()
    client.close()
