"""DetectService over real gRPC: what is found, and what is refused and why."""

import asyncio
import struct
import zlib
from types import SimpleNamespace
from typing import Any

import grpc
import pytest

from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_server.catalogue.catalogue import Catalogue
from facewire_server.config import Config
from facewire_server.errors import Reason, RefusalError
from facewire_server.models.source import EMBEDDED
from facewire_server.rpc.call import Call
from facewire_server.rpc.calls import Calls
from facewire_server.rpc.detect import DetectServicer
from facewire_server.scheduling.job import FixedWork
from facewire_server.telemetry.metrics import Metrics
from tests.server.rpc_errors import reason

MiB = 1 << 20


def detect(stub: DetectServiceStub, request: pb.DetectRequest) -> pb.DetectResponse:
    return stub.Detect(request, timeout=30)


def png_that_claims(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    crc = struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + crc


def test_the_face_in_the_photo_is_found(stub: DetectServiceStub, photo: bytes) -> None:
    response = detect(stub, pb.DetectRequest(encoded_image=photo))
    assert (response.image_width, response.image_height) == (512, 512)
    (face,) = response.detections
    assert face.label == "face"
    assert face.class_id == 0
    assert 0.55 <= face.confidence <= 1
    box = face.box
    assert 150 < box.x_min < 200 and 240 < box.x_max < 300
    assert 40 < box.y_min < 100 and 160 < box.y_max < 220


def test_the_answer_names_the_model_and_accounts_for_its_time(
    stub: DetectServiceStub, photo: bytes
) -> None:
    response = detect(stub, pb.DetectRequest(encoded_image=photo))
    (model,) = stub.ListModels(pb.ListModelsRequest()).models
    assert response.model_name == model.name == EMBEDDED
    assert response.model_version == model.version
    timing = response.timing
    assert timing.decode_us > 0 and timing.inference_us > 0
    stages = timing.queue_us + timing.decode_us + timing.inference_us
    # Each of the four is rounded by itself.
    assert timing.total_us >= stages + timing.postprocess_us - 2


def test_detections_come_by_descending_confidence_down_to_the_one_asked_for(
    stub: DetectServiceStub, photo: bytes
) -> None:
    options = pb.DetectOptions(min_confidence=0.02, iou_threshold=1)
    response = detect(stub, pb.DetectRequest(encoded_image=photo, options=options))
    confidences = [detection.confidence for detection in response.detections]
    assert len(confidences) > 10
    assert confidences == sorted(confidences, reverse=True)
    assert min(confidences) >= 0.02


def test_no_more_detections_come_than_asked_for(stub: DetectServiceStub, photo: bytes) -> None:
    options = pb.DetectOptions(min_confidence=0, iou_threshold=1, max_detections=7)
    response = detect(stub, pb.DetectRequest(encoded_image=photo, options=options))
    assert len(response.detections) == 7


def test_an_explicit_zero_confidence_is_not_the_default(
    stub: DetectServiceStub, photo: bytes
) -> None:
    options = pb.DetectOptions(min_confidence=0)
    response = detect(stub, pb.DetectRequest(encoded_image=photo, options=options))
    assert min(found.confidence for found in response.detections) < 0.5


def test_boxes_stay_within_the_picture(stub: DetectServiceStub, photo: bytes) -> None:
    options = pb.DetectOptions(min_confidence=0, iou_threshold=1)
    response = detect(stub, pb.DetectRequest(encoded_image=photo, options=options))
    for detection in response.detections:
        box = detection.box
        assert 0 <= box.x_min < box.x_max <= 512
        assert 0 <= box.y_min < box.y_max <= 512


RAW = pb.RawImage(data=bytes(12), width=2, height=2, pixel_format=pb.PIXEL_FORMAT_BGR)
SHORT = pb.RawImage(data=bytes(11), width=2, height=2, pixel_format=pb.PIXEL_FORMAT_BGR)
FORMATLESS = pb.RawImage(data=bytes(12), width=2, height=2)


@pytest.mark.parametrize(
    ("request_", "code", "why"),
    [
        (pb.DetectRequest(), "INVALID_ARGUMENT", "EMPTY_IMAGE"),
        (pb.DetectRequest(encoded_image=b""), "INVALID_ARGUMENT", "EMPTY_IMAGE"),
        (
            pb.DetectRequest(encoded_image=b"GIF89a" + bytes(99)),
            "INVALID_ARGUMENT",
            "UNSUPPORTED_FORMAT",
        ),
        (
            pb.DetectRequest(encoded_image=b"\xff\xd8\xff\xe0" + bytes(99)),
            "INVALID_ARGUMENT",
            "CORRUPT_IMAGE",
        ),
        (
            pb.DetectRequest(encoded_image=png_that_claims(60_000, 60_000)),
            "INVALID_ARGUMENT",
            "IMAGE_TOO_LARGE",
        ),
        (pb.DetectRequest(raw_image=SHORT), "INVALID_ARGUMENT", "BAD_RAW_IMAGE"),
        (pb.DetectRequest(raw_image=FORMATLESS), "INVALID_ARGUMENT", "BAD_RAW_IMAGE"),
        (pb.DetectRequest(raw_image=RAW, model="x"), "NOT_FOUND", "UNKNOWN_MODEL"),
        (
            pb.DetectRequest(encoded_image=bytes(MiB)),
            "RESOURCE_EXHAUSTED",
            "MESSAGE_TOO_LARGE",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_input_is_refused_with_its_reason(
    stub: DetectServiceStub, request_: pb.DetectRequest, code: str, why: str
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        detect(stub, request_)
    assert reason(caught.value) == (grpc.StatusCode[code], why)


@pytest.mark.parametrize(
    "options",
    [
        pb.DetectOptions(min_confidence=-0.1),
        pb.DetectOptions(min_confidence=float("nan")),
        pb.DetectOptions(iou_threshold=1.5),
        pb.DetectOptions(iou_threshold=float("inf")),
        pb.DetectOptions(max_detections=0),
    ],
    ids=str,
)
def test_an_option_out_of_range_is_refused(
    stub: DetectServiceStub, options: pb.DetectOptions
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        detect(stub, pb.DetectRequest(raw_image=RAW, options=options))
    code = grpc.StatusCode.INVALID_ARGUMENT
    assert reason(caught.value) == (code, "BAD_OPTION")


def test_the_error_of_a_message_over_the_limit_names_the_flag_that_raises_it(
    stub: DetectServiceStub,
) -> None:
    with pytest.raises(grpc.RpcError, match="--max-message-mb"):
        detect(stub, pb.DetectRequest(encoded_image=bytes(MiB + 1)))


def test_a_message_far_over_the_limit_is_cut_off(stub: DetectServiceStub) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        detect(stub, pb.DetectRequest(encoded_image=bytes(3 * MiB)))
    assert reason(caught.value) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "")


def test_a_truncated_photo_is_refused(stub: DetectServiceStub, photo: bytes) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        detect(stub, pb.DetectRequest(encoded_image=photo[: len(photo) // 2]))
    code = grpc.StatusCode.INVALID_ARGUMENT
    assert reason(caught.value) == (code, "CORRUPT_IMAGE")


def test_a_picture_of_one_pixel_is_no_error(stub: DetectServiceStub) -> None:
    image = pb.RawImage(data=b"\x80", width=1, height=1, pixel_format=pb.PIXEL_FORMAT_GRAY)
    response = detect(stub, pb.DetectRequest(raw_image=image))
    assert (response.image_width, response.image_height) == (1, 1)


def test_models_are_described(stub: DetectServiceStub) -> None:
    (listed,) = stub.ListModels(pb.ListModelsRequest()).models
    assert listed.is_default
    assert list(listed.labels) == ["face"]
    published = Catalogue.published().get(EMBEDDED)
    assert (listed.input_width, listed.input_height) == (published.width, published.height)
    assert listed.device == "CPU"
    assert listed.precision in ("FP32", "BF16", "FP16")
    assert len(listed.sha256) == 64
    assert listed.min_confidence == pytest.approx(0.55)
    assert listed.iou_threshold == pytest.approx(0.45)
    for name in ("", listed.name):
        assert stub.GetModel(pb.GetModelRequest(name=name)).model == listed


def test_a_model_that_is_not_loaded_is_not_found(stub: DetectServiceStub) -> None:
    with pytest.raises(grpc.RpcError, match="face-detection-nano") as caught:
        stub.GetModel(pb.GetModelRequest(name="face-detection-9000"))
    assert reason(caught.value) == (grpc.StatusCode.NOT_FOUND, "UNKNOWN_MODEL")


def call_with_deadline(seconds: float) -> Call:
    """Make a request whose deadline is this far ahead, in no gRPC call."""
    context: Any = SimpleNamespace(time_remaining=lambda: seconds, peer=lambda: "peer")
    return Call("service", "method", context)


def test_a_result_that_is_known_comes_too_late_after_the_deadline() -> None:
    servicer = DetectServicer(Config(), Calls(Metrics(), None))
    known: Any = object()
    work: FixedWork[Any] = FixedWork(lambda _: pytest.fail(), "m", early=lambda: known)
    in_time, late = (call_with_deadline(seconds) for seconds in (60, -1))
    assert asyncio.run(servicer._run(work, in_time)).value is known
    with pytest.raises(RefusalError) as caught:
        asyncio.run(servicer._run(work, late))
    assert caught.value.reason is Reason.DEADLINE_UNREACHABLE
