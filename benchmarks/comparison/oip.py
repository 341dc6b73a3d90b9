"""Open Inference Protocol v2: the few of its messages that carry a photo and boxes.

https://github.com/kserve/open-inference-protocol, open_inference_grpc.proto: a request
has the photo as the only element of a BYTES tensor, an answer rows of FP32.
"""

from array import array
from typing import Any

from google.protobuf import text_format
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from benchmarks.comparison.dialect import Dialect, ScoredBox
from facewire_client.bench.recorder import Answer
from facewire_client.bench.sender import Method
from facewire_client.result import Box

MODEL = "face"
_VALUES = 5
"""Of each row: x_min, y_min, x_max, y_max, confidence."""

_TENSOR = """
    field { name: "name" number: 1 type: TYPE_STRING }
    field { name: "datatype" number: 2 type: TYPE_STRING }
    field { name: "shape" number: 3 type: TYPE_INT64 label: LABEL_REPEATED }
    field {
      name: "contents" number: 5 type: TYPE_MESSAGE
      type_name: ".inference.InferTensorContents"
    }
"""
_FILE = f"""
name: "open_inference_grpc.proto" package: "inference" syntax: "proto3"
message_type {{
  name: "InferTensorContents"
  field {{ name: "fp32_contents" number: 6 type: TYPE_FLOAT label: LABEL_REPEATED }}
  field {{ name: "bytes_contents" number: 8 type: TYPE_BYTES label: LABEL_REPEATED }}
}}
message_type {{
  name: "ModelInferRequest"
  nested_type {{ name: "InferInputTensor" {_TENSOR} }}
  field {{ name: "model_name" number: 1 type: TYPE_STRING }}
  field {{
    name: "inputs" number: 5 type: TYPE_MESSAGE label: LABEL_REPEATED
    type_name: ".inference.ModelInferRequest.InferInputTensor"
  }}
}}
message_type {{
  name: "ModelInferResponse"
  nested_type {{ name: "InferOutputTensor" {_TENSOR} }}
  field {{
    name: "outputs" number: 5 type: TYPE_MESSAGE label: LABEL_REPEATED
    type_name: ".inference.ModelInferResponse.InferOutputTensor"
  }}
  field {{
    name: "raw_output_contents" number: 6 type: TYPE_BYTES label: LABEL_REPEATED
  }}
}}
"""


_POOL = DescriptorPool()
_POOL.Add(text_format.Parse(_FILE, FileDescriptorProto()))


def _class(name: str) -> Any:
    return GetMessageClass(_POOL.FindMessageTypeByName(f"inference.{name}"))


ModelInferRequest = _class("ModelInferRequest")
ModelInferResponse = _class("ModelInferResponse")


def _request(image: bytes, model: str) -> Message:
    request: Message = ModelInferRequest(
        model_name=model or MODEL,
        inputs=[
            {
                "name": "jpeg",
                "datatype": "BYTES",
                "shape": [1],
                "contents": {"bytes_contents": [image]},
            }
        ],
    )
    return request


def _answer(reply: bytes) -> Answer:
    return Answer(ModelInferResponse.FromString(reply).outputs[0].shape[0])


def _boxes(reply: bytes) -> list[ScoredBox]:
    response = ModelInferResponse.FromString(reply)
    values = response.outputs[0].contents.fp32_contents
    if response.raw_output_contents:
        values = array("f", response.raw_output_contents[0])
    rows = zip(*[iter(values)] * _VALUES, strict=True)
    return [ScoredBox(Box(*edges), confidence) for *edges, confidence in rows]


OIP = Dialect(Method("/inference.GRPCInferenceService/ModelInfer", _request, _answer), _boxes)
