"""How a server is asked for the faces of a photo, and how its answer is read.

Of Open Inference Protocol v2 here are the few messages that carry a photo and boxes
(https://github.com/kserve/open-inference-protocol, open_inference_grpc.proto): a request
has the photo as the only element of a BYTES tensor, an answer rows of FP32.
"""

from array import array
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from google.protobuf import text_format
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from facewire.v1.detect_pb2 import DetectResponse
from facewire_client.bench.recorder import Answer
from facewire_client.bench.sender import DETECT, Method

Boxes = list[tuple[float, ...]]
"""Each x_min, y_min, x_max, y_max in pixels of the photo."""

_TENSOR = """
    field { name: "name" number: 1 type: TYPE_STRING }
    field { name: "datatype" number: 2 type: TYPE_STRING }
    field { name: "shape" number: 3 type: TYPE_INT64 label: LABEL_REPEATED }
    field { name: "contents" number: 5 type: TYPE_MESSAGE type_name: ".inference.Contents" }
"""
_TENSORS = "type: TYPE_MESSAGE label: LABEL_REPEATED type_name: "
_FILE = f"""
name: "open_inference_grpc.proto" package: "inference" syntax: "proto3"
message_type {{
  name: "Contents"
  field {{ name: "fp32_contents" number: 6 type: TYPE_FLOAT label: LABEL_REPEATED }}
  field {{ name: "bytes_contents" number: 8 type: TYPE_BYTES label: LABEL_REPEATED }}
}}
message_type {{ name: "Tensor" {_TENSOR} }}
message_type {{
  name: "ModelInferRequest"
  field {{ name: "model_name" number: 1 type: TYPE_STRING }}
  field {{ name: "inputs" number: 5 {_TENSORS} ".inference.Tensor" }}
}}
message_type {{
  name: "ModelInferResponse"
  field {{ name: "outputs" number: 5 {_TENSORS} ".inference.Tensor" }}
  field {{ name: "raw_output_contents" number: 6 type: TYPE_BYTES label: LABEL_REPEATED }}
}}
"""
_POOL = DescriptorPool()
_POOL.Add(text_format.Parse(_FILE, FileDescriptorProto()))


def _class(name: str) -> Any:
    return GetMessageClass(_POOL.FindMessageTypeByName(f"inference.{name}"))


ModelInferRequest = _class("ModelInferRequest")
ModelInferResponse = _class("ModelInferResponse")


@dataclass(frozen=True, slots=True)
class Protocol:
    """A method, and how to read all boxes of a serialised reply to it."""

    method: Method
    boxes: Callable[[bytes], Boxes]


def _facewire_boxes(reply: bytes) -> Boxes:
    boxes = [each.box for each in DetectResponse.FromString(reply).detections]
    return [(box.x_min, box.y_min, box.x_max, box.y_max) for box in boxes]


def _oip_request(image: bytes, model: str) -> Message:
    contents = {"bytes_contents": [image]}
    tensor = {"name": "jpeg", "datatype": "BYTES", "shape": [1], "contents": contents}
    request: Message = ModelInferRequest(model_name=model or "face", inputs=[tensor])
    return request


def _oip_answer(reply: bytes) -> Answer:
    return Answer(ModelInferResponse.FromString(reply).outputs[0].shape[0])


def _oip_boxes(reply: bytes) -> Boxes:
    response = ModelInferResponse.FromString(reply)
    values = response.outputs[0].contents.fp32_contents
    if response.raw_output_contents:
        values = array("f", response.raw_output_contents[0])
    rows = zip(*[iter(values)] * 5, strict=True)  # four edges and the confidence
    return [tuple(edges) for *edges, _ in rows]


FACEWIRE = Protocol(DETECT, _facewire_boxes)
_MODEL_INFER = "/inference.GRPCInferenceService/ModelInfer"
OIP = Protocol(Method(_MODEL_INFER, _oip_request, _oip_answer), _oip_boxes)
