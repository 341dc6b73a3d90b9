"""Conversion of gRPC messages to values, and of values to messages."""

from collections.abc import Sequence

from facewire.v1 import detect_pb2 as pb
from facewire_server.errors import Reason, RequestError
from facewire_server.image.data import Data
from facewire_server.image.decode import EncodedImage, Image
from facewire_server.image.picture import PixelLayout
from facewire_server.image.raw import RawImage
from facewire_server.inference.detector import Detections, Options
from facewire_server.inference.heads.base import Found
from facewire_server.models.description import Description
from facewire_server.scheduling.job import Outcome

LAYOUTS = {
    pb.PIXEL_FORMAT_BGR: PixelLayout.BGR,
    pb.PIXEL_FORMAT_RGB: PixelLayout.RGB,
    pb.PIXEL_FORMAT_GRAY: PixelLayout.GRAY,
    pb.PIXEL_FORMAT_BGRA: PixelLayout.BGRA,
    pb.PIXEL_FORMAT_RGBA: PixelLayout.RGBA,
    pb.PIXEL_FORMAT_NV12: PixelLayout.NV12,
    pb.PIXEL_FORMAT_I420: PixelLayout.I420,
}

TILING = {
    pb.TILING_POLICY_UNSPECIFIED: None,
    pb.TILING_POLICY_OFF: False,
    pb.TILING_POLICY_ON: True,
}

MICROSECONDS = 1_000_000


def detect_request(request: pb.DetectImageRequest) -> pb.DetectRequest:
    """The request of Detect with this model and these options; its encoded image is empty."""
    return pb.DetectRequest(encoded_image=b"", model=request.model, options=request.options)


def image(request: pb.DetectRequest, cut: Data | None, *, reducible: bool) -> Image:
    """The image of a request.

    `cut` are its bytes, where they were cut out of the message, which has an empty field
    in their place. `reducible`: see EncodedImage. Raises RequestError for what the message
    alone shows: EMPTY_IMAGE for a request without an image, or one of no bytes,
    BAD_RAW_IMAGE for an unknown pixel format.
    """
    kind = request.WhichOneof("image")
    if kind is None:
        raise RequestError(Reason.EMPTY_IMAGE, "the request has no image")
    data = cut
    if data is None:
        data = request.encoded_image if kind == "encoded_image" else request.raw_image.data
    if not data:
        raise RequestError(Reason.EMPTY_IMAGE, "the image has no bytes")
    if kind == "encoded_image":
        return EncodedImage(data, reducible)
    raw = request.raw_image
    layout = LAYOUTS.get(raw.pixel_format)
    if layout is None:
        raise RequestError(Reason.BAD_RAW_IMAGE, f"{raw.pixel_format} is no pixel format")
    # Its fields, not the message: a part of a message keeps the whole of it alive.
    return RawImage(
        data=data,
        width=raw.width,
        height=raw.height,
        layout=layout,
        row_stride=raw.row_stride,
        plane_rows=raw.plane_rows,
    )


def options(message: pb.DetectOptions) -> Options:
    """The options of a request. Raises RequestError (BAD_OPTION)."""
    given = message.HasField
    if message.tiling not in TILING:
        raise RequestError(Reason.BAD_OPTION, f"{message.tiling} is no tiling policy")
    return Options(
        min_confidence=message.min_confidence if given("min_confidence") else None,
        iou_threshold=message.iou_threshold if given("iou_threshold") else None,
        max_detections=message.max_detections if given("max_detections") else None,
        tiling=TILING[message.tiling],
    )


def response(outcome: Outcome[Detections], *, total: float) -> pb.DetectResponse:
    """The answer to a request that took `total` seconds from its arrival."""
    detections = outcome.value
    stages, description = detections.stages, detections.model
    # Filled in place, here and below: a message that is given to another one is copied.
    answer = pb.DetectResponse(
        image_width=detections.width,
        image_height=detections.height,
        model_name=description.name,
        model_version=description.version,
        cached=detections.cached,
    )
    timing = answer.timing
    timing.queue_us = round(outcome.waited * MICROSECONDS)
    timing.decode_us = round(stages.decode * MICROSECONDS)
    timing.inference_us = round(stages.inference * MICROSECONDS)
    timing.postprocess_us = round(stages.postprocess * MICROSECONDS)
    timing.total_us = round(total * MICROSECONDS)
    _add_detections(answer, detections.found, description.labels)
    return answer


def _add_detections(answer: pb.DetectResponse, found: Found, labels: Sequence[str]) -> None:
    rows = zip(
        found.boxes.tolist(),
        found.confidences.tolist(),
        found.class_ids.tolist(),
        strict=True,
    )
    for corners, confidence, class_id in rows:
        label = labels[class_id] if class_id < len(labels) else ""
        added = answer.detections.add(confidence=confidence, class_id=class_id, label=label)
        box = added.box
        box.x_min, box.y_min, box.x_max, box.y_max = corners
    if found.landmarks is not None:
        for detection, values in zip(answer.detections, found.landmarks.tolist(), strict=True):
            for x, y in zip(values[0::2], values[1::2], strict=True):
                detection.landmarks.add(x=x, y=y)


def model(description: Description, *, is_default: bool) -> pb.Model:
    """The message that describes a model."""
    return pb.Model(
        name=description.name,
        version=description.version,
        labels=description.labels,
        input_width=description.input_width,
        input_height=description.input_height,
        device=description.device,
        precision=description.precision,
        sha256=description.sha256,
        is_default=is_default,
        min_confidence=description.min_confidence,
        iou_threshold=description.iou_threshold,
    )
