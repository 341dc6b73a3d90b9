"""How a server is asked for the faces of a photo, and how its answer is read.

By the Open Inference Protocol a photo is sent as a BYTES tensor, and boxes come as rows of FP32.
"""

from array import array
from collections.abc import Callable, Iterable
from functools import partial
from typing import NamedTuple

from facewire.inference.v2.open_inference_pb2 import ModelInferRequest, ModelInferResponse
from facewire.v1.detect_pb2 import DetectResponse
from facewire_client.bench.recorder import Answer
from facewire_client.bench.sender import DETECT, Method

Boxes = list[tuple[float, ...]]  # each x_min, y_min, x_max, y_max in pixels of the photo


class Protocol(NamedTuple):
    """A method, and how to read all boxes of a serialised reply to it."""

    method: Method
    boxes: Callable[[bytes], Boxes]


def _facewire_boxes(reply: bytes) -> Boxes:
    boxes = [each.box for each in DetectResponse.FromString(reply).detections]
    return [(box.x_min, box.y_min, box.x_max, box.y_max) for box in boxes]


def _oip_request(image: bytes, model: str, default: str = "face") -> ModelInferRequest:
    request = ModelInferRequest(model_name=model or default)
    tensor = request.inputs.add(name="jpeg", datatype="BYTES", shape=[1])
    tensor.contents.bytes_contents.append(image)
    return request


def _oip_answer(reply: bytes) -> Answer:
    return Answer(ModelInferResponse.FromString(reply).outputs[0].shape[0])


def _oip_boxes(reply: bytes) -> Boxes:
    response = ModelInferResponse.FromString(reply)
    values: Iterable[float] = response.outputs[0].contents.fp32_contents
    if response.raw_output_contents:
        values = array("f", response.raw_output_contents[0])
    rows = zip(*[iter(values)] * 5, strict=True)  # four edges and the confidence
    return [tuple(edges) for *edges, _ in rows]


FACEWIRE = Protocol(DETECT, _facewire_boxes)
_MODEL_INFER = "/inference.GRPCInferenceService/ModelInfer"
OIP = Protocol(Method(_MODEL_INFER, _oip_request, _oip_answer), _oip_boxes)
FACEWIRE_OIP = Protocol(
    Method(_MODEL_INFER, partial(_oip_request, default=""), _oip_answer), _oip_boxes
)
