"""The unary call that a load is made of: Detect, or what another server has for it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from google.protobuf.message import Message

from facewire.v1.detect_pb2 import DetectRequest, DetectResponse

STAGES = ("queue", "decode", "inference", "postprocess", "total")
"""The server's stages: what the fields of Timing are called."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is noted of an answer: how many detections it has, and the server's times.

    `stages` are seconds by their names; empty: the server does not tell.
    """

    detections: int
    stages: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Method:
    """A call that finds something in a picture.

    `path` is /PACKAGE.SERVICE/METHOD, `request` makes the message for the bytes of an
    image file and the name of a model (empty: the default one), and `answer` reads a
    serialised reply.
    """

    path: str
    request: Callable[[bytes, str], Message]
    answer: Callable[[bytes], Answer]


def _request(image: bytes, model: str) -> DetectRequest:
    return DetectRequest(encoded_image=image, model=model)


def _answer(reply: bytes) -> Answer:
    response = DetectResponse.FromString(reply)
    timing = response.timing
    stages = {stage: getattr(timing, f"{stage}_us") / 1e6 for stage in STAGES}
    return Answer(len(response.detections), stages)


DETECT = Method("/facewire.v1.DetectService/Detect", _request, _answer)
"""Facewire's own."""
