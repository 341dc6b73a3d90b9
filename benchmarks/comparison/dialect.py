"""How a server is asked for the faces of a photo, and how its answer is read."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from facewire.v1.detect_pb2 import DetectResponse
from facewire_client.bench.sender import DETECT, Method
from facewire_client.result import Box


class ScoredBox(NamedTuple):
    """A face: its box in pixels of the photo, and its confidence."""

    box: Box
    confidence: float


@dataclass(frozen=True, slots=True)
class Dialect:
    """A method, and how to read all boxes of a serialised reply to it."""

    method: Method
    boxes: Callable[[bytes], list[ScoredBox]]


def _boxes(reply: bytes) -> list[ScoredBox]:
    return [
        ScoredBox(
            Box(face.box.x_min, face.box.y_min, face.box.x_max, face.box.y_max),
            face.confidence,
        )
        for face in DetectResponse.FromString(reply).detections
    ]


FACEWIRE = Dialect(DETECT, _boxes)
