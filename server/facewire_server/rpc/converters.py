"""From request messages to what the core takes, and from its answers to messages."""

from collections.abc import Callable
from functools import partial
from typing import Literal

from facewire.v1 import detect_pb2 as pb
from facewire_server.errors import Reason, RequestError
from facewire_server.image.decode import decode
from facewire_server.image.limits import ImageLimits
from facewire_server.image.picture import Picture, PixelLayout
from facewire_server.image.raw import wrap
from facewire_server.image.target import Target
from facewire_server.inference.detector import Detections, Options
from facewire_server.inference.heads.base import Found
from facewire_server.models.description import Description

LAYOUTS = {
    pb.PIXEL_FORMAT_BGR: PixelLayout.BGR,
    pb.PIXEL_FORMAT_RGB: PixelLayout.RGB,
    pb.PIXEL_FORMAT_GRAY: PixelLayout.GRAY,
    pb.PIXEL_FORMAT_BGRA: PixelLayout.BGRA,
    pb.PIXEL_FORMAT_RGBA: PixelLayout.RGBA,
    pb.PIXEL_FORMAT_NV12: PixelLayout.NV12,
    pb.PIXEL_FORMAT_I420: PixelLayout.I420,
}

OptionField = Literal["min_confidence", "iou_threshold", "max_detections"]

MICROSECONDS = 1_000_000


def picture_opener(
    request: pb.DetectRequest, limits: ImageLimits, *, scaled: bool
) -> Callable[[Target], Picture]:
    """What opens the request's image, to be called where blocking is allowed.

    `scaled`: no more of it than the target needs. Raises RequestError for what can be
    told at no cost: EMPTY_IMAGE for a request without an image, or one of no bytes,
    BAD_RAW_IMAGE for an unknown pixel format.
    """
    kind = request.WhichOneof("image")
    if kind == "encoded_image":
        data = _some(request.encoded_image)
        return lambda target: decode(data, limits=limits, target=target if scaled else None)
    if kind == "raw_image":
        image = request.raw_image
        data = _some(image.data)
        layout = LAYOUTS.get(image.pixel_format)
        if layout is None:
            raise RequestError(Reason.BAD_RAW_IMAGE, f"{image.pixel_format} is no pixel format")
        # A part of a message keeps all of it: nothing of it goes along.
        opener = partial(
            wrap,
            data,
            width=image.width,
            height=image.height,
            row_stride=image.row_stride,
            layout=layout,
            limits=limits,
            plane_rows=image.plane_rows,
        )
        return lambda _: opener()
    raise RequestError(Reason.EMPTY_IMAGE, "the request has no image")


def _some(data: bytes) -> bytes:
    if not data:
        raise RequestError(Reason.EMPTY_IMAGE, "the image has no bytes")
    return data


def options(message: pb.DetectOptions) -> Options:
    """The options of a request. Raises RequestError (BAD_OPTION)."""

    def given(field: OptionField) -> bool:
        return message.HasField(field)

    return Options(
        min_confidence=message.min_confidence if given("min_confidence") else None,
        iou_threshold=message.iou_threshold if given("iou_threshold") else None,
        max_detections=message.max_detections if given("max_detections") else None,
    )


def response(detections: Detections, *, waited: float, total: float) -> pb.DetectResponse:
    """The answer to a request that waited and took this long, in seconds."""
    stages, description = detections.stages, detections.model
    return pb.DetectResponse(
        detections=_detections(detections.found, description),
        image_width=detections.width,
        image_height=detections.height,
        model_name=description.name,
        model_version=description.version,
        timing=pb.Timing(
            queue_us=round(waited * MICROSECONDS),
            decode_us=round(stages.decode * MICROSECONDS),
            inference_us=round(stages.inference * MICROSECONDS),
            postprocess_us=round(stages.postprocess * MICROSECONDS),
            total_us=round(total * MICROSECONDS),
        ),
    )


def _detections(found: Found, description: Description) -> list[pb.Detection]:
    rows = zip(
        found.boxes.tolist(),
        found.confidences.tolist(),
        found.class_ids.tolist(),
        strict=True,
    )
    answer = [
        pb.Detection(
            box=pb.BoundingBox(x_min=box[0], y_min=box[1], x_max=box[2], y_max=box[3]),
            confidence=confidence,
            class_id=class_id,
            label=description.label(class_id),
        )
        for box, confidence, class_id in rows
    ]
    if found.landmarks is not None:
        for detection, values in zip(answer, found.landmarks.tolist(), strict=True):
            points = zip(values[0::2], values[1::2], strict=True)
            detection.landmarks.extend(pb.Point(x=x, y=y) for x, y in points)
    return answer


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
