"""The results of the client: plain values without gRPC messages.

Coordinates are continuous, in pixels of the upright image, which has its EXIF orientation
applied: the origin is at the top left, x points to the right, y down.
"""

from dataclasses import dataclass
from typing import NamedTuple

from facewire_client.errors import FaceClientError


class Box(NamedTuple):
    """An axis-parallel box, clipped to the image."""

    x_min: float
    y_min: float
    x_max: float
    y_max: float


class Point(NamedTuple):
    """A position in pixels; it may lie outside of the image."""

    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Face:
    """One face.

    `confidence` is in [0, 1]. `landmarks` is empty, or holds right eye, left eye, tip of the
    nose, right and left corner of the mouth; right and left are the person's own.
    """

    box: Box
    confidence: float
    label: str = ""
    class_id: int = 0
    landmarks: tuple[Point, ...] = ()


@dataclass(frozen=True, slots=True)
class Timing:
    """The server's time for a call by stage, in microseconds."""

    queue_us: int = 0
    decode_us: int = 0
    inference_us: int = 0
    postprocess_us: int = 0
    total_us: int = 0


@dataclass(frozen=True, slots=True)
class DetectResult:
    """The faces of one image, the most confident first.

    `image_size` is (width, height) of the upright image in pixels; `model` and `model_version`
    name the model. `cached`: the server had kept the answer to an earlier request for the
    same bytes.
    """

    faces: tuple[Face, ...]
    image_size: tuple[int, int]
    model: str = ""
    model_version: str = ""
    timing: Timing = Timing()
    cached: bool = False


@dataclass(frozen=True, slots=True)
class StreamResult:
    """The result of one image of a stream, or its error.

    `frame_id` is the index of the image among those given, from 0.
    """

    frame_id: int
    result: DetectResult | None = None
    error: FaceClientError | None = None

    def unwrap(self) -> DetectResult:
        """Return the result, or raise the error."""
        if self.result is None:
            assert self.error is not None
            raise self.error
        return self.result


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model that the server has loaded.

    `input_size` is (width, height) of the network's input in pixels; `sha256` is that of the
    weights file, and `version` its first 12 digits. `min_confidence` and `iou_threshold` are
    the defaults of calls; an `iou_threshold` of 0 means that the model does its own suppression.
    """

    name: str
    version: str
    labels: tuple[str, ...]
    input_size: tuple[int, int]
    device: str
    precision: str
    sha256: str
    is_default: bool
    min_confidence: float
    iou_threshold: float
