"""Conversion of the messages of facewire.v1 to the client's results."""

from facewire.v1 import detect_pb2
from facewire_client.result import Box, DetectResult, Face, ModelInfo, Point, Timing


def detect_result(message: detect_pb2.DetectResponse) -> DetectResult:
    """Convert a DetectResponse."""
    return DetectResult(
        faces=tuple(_face(detection) for detection in message.detections),
        image_size=(message.image_width, message.image_height),
        model=message.model_name,
        model_version=message.model_version,
        timing=_timing(message.timing),
        cached=message.cached,
    )


def model_info(message: detect_pb2.Model) -> ModelInfo:
    """Convert a Model."""
    return ModelInfo(
        name=message.name,
        version=message.version,
        labels=tuple(message.labels),
        input_size=(message.input_width, message.input_height),
        device=message.device,
        precision=message.precision,
        sha256=message.sha256,
        is_default=message.is_default,
        min_confidence=message.min_confidence,
        iou_threshold=message.iou_threshold,
    )


def _face(message: detect_pb2.Detection) -> Face:
    box = message.box
    return Face(
        box=Box(box.x_min, box.y_min, box.x_max, box.y_max),
        confidence=message.confidence,
        label=message.label,
        class_id=message.class_id,
        landmarks=tuple(Point(point.x, point.y) for point in message.landmarks),
    )


def _timing(message: detect_pb2.Timing) -> Timing:
    return Timing(
        queue_us=message.queue_us,
        decode_us=message.decode_us,
        inference_us=message.inference_us,
        postprocess_us=message.postprocess_us,
        total_us=message.total_us,
    )
