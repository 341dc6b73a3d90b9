"""How a server is asked for the faces of a photo, and how its answer is read.

Of Open Inference Protocol v2 (https://github.com/kserve/open-inference-protocol) here are the
messages that carry a photo, as a BYTES tensor, and boxes, as rows of FP32.
"""

from array import array
from collections.abc import Callable
from typing import Any, NamedTuple

from google.protobuf.descriptor_pb2 import FieldDescriptorProto as Field
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from facewire.v1.detect_pb2 import DetectResponse
from facewire_client.bench.recorder import Answer
from facewire_client.bench.sender import DETECT, Method

Boxes = list[tuple[float, ...]]  # each x_min, y_min, x_max, y_max in pixels of the photo
_FIELDS = {
    "Contents": ("fp32_contents 6 FLOAT", "bytes_contents 8 BYTES"),
    "Tensor": ("name 1 STRING", "datatype 2 STRING", "shape 3 INT64", "contents 5 Contents"),
    "ModelInferRequest": ("model_name 1 STRING", "inputs 5 Tensor"),
    "ModelInferResponse": ("outputs 5 Tensor", "raw_output_contents 6 BYTES"),
}
"""Of each message: name, number, and type, which may be one of these messages."""
_SINGLE = ("name", "datatype", "contents", "model_name")


def _messages() -> list[Any]:
    file = FileDescriptorProto(name="oip.proto", package="inference", syntax="proto3")
    for name, fields in _FIELDS.items():
        message = file.message_type.add(name=name)
        for each, number, kind in map(str.split, fields):
            field = message.field.add(name=each, number=int(number))
            field.label = Field.LABEL_OPTIONAL if each in _SINGLE else Field.LABEL_REPEATED
            field.type = Field.Type.Value(f"TYPE_{'MESSAGE' if kind in _FIELDS else kind}")
            if kind in _FIELDS:
                field.type_name = f".inference.{kind}"
    pool = DescriptorPool()
    pool.Add(file)
    names = ("ModelInferRequest", "ModelInferResponse")
    return [GetMessageClass(pool.FindMessageTypeByName(f"inference.{name}")) for name in names]


_REQUEST, _RESPONSE = _messages()


class Protocol(NamedTuple):
    """A method, and how to read all boxes of a serialised reply to it."""

    method: Method
    boxes: Callable[[bytes], Boxes]


def _facewire_boxes(reply: bytes) -> Boxes:
    boxes = [each.box for each in DetectResponse.FromString(reply).detections]
    return [(box.x_min, box.y_min, box.x_max, box.y_max) for box in boxes]


def _oip_request(image: bytes, model: str) -> Message:
    contents = {"bytes_contents": [image]}
    tensor = {"name": "jpeg", "datatype": "BYTES", "shape": [1], "contents": contents}
    request: Message = _REQUEST(model_name=model or "face", inputs=[tensor])
    return request


def _oip_answer(reply: bytes) -> Answer:
    return Answer(_RESPONSE.FromString(reply).outputs[0].shape[0])


def _oip_boxes(reply: bytes) -> Boxes:
    response = _RESPONSE.FromString(reply)
    values = response.outputs[0].contents.fp32_contents
    if response.raw_output_contents:
        values = array("f", response.raw_output_contents[0])
    rows = zip(*[iter(values)] * 5, strict=True)  # four edges and the confidence
    return [tuple(edges) for *edges, _ in rows]


FACEWIRE = Protocol(DETECT, _facewire_boxes)
_MODEL_INFER = "/inference.GRPCInferenceService/ModelInfer"
OIP = Protocol(Method(_MODEL_INFER, _oip_request, _oip_answer), _oip_boxes)
