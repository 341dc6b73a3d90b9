"""Requests of the Open Inference Protocol, and what comes back."""

import struct
from typing import Any

import grpc
import numpy as np
import pytest
from numpy.typing import NDArray

from facewire.inference.v2 import open_inference_pb2 as pb
from facewire.inference.v2.open_inference_pb2_grpc import GRPCInferenceServiceStub
from facewire_server.models.signature import DTYPES
from tests.server.rpc_errors import reason


def elements(*values: bytes) -> bytes:
    """Raw BYTES: a length of four bytes before each element."""
    return b"".join(struct.pack("<I", len(value)) + value for value in values)


def raw(datatype: str, shape: list[int], data: bytes, **parameters: Any) -> pb.ModelInferRequest:
    """A request of one input, with its data in raw_input_contents."""
    message = pb.ModelInferRequest(raw_input_contents=[data])
    tensor = message.inputs.add(name="image", datatype=datatype, shape=shape)
    for name, value in parameters.items():
        tensor.parameters[name].string_param = value
    return message


def typed(datatype: str, shape: list[int], **contents: Any) -> pb.ModelInferRequest:
    """A request of one input, with its data in contents."""
    message = pb.ModelInferRequest()
    message.inputs.add(
        name="image",
        datatype=datatype,
        shape=shape,
        contents=pb.InferTensorContents(**contents),
    )
    return message


def place(tensor: Any, name: str, size: int | None, offset: int = 0) -> None:
    """Say that a tensor is, or shall be, in a region."""
    tensor.parameters["shared_memory_region"].string_param = name
    if size is not None:
        tensor.parameters["shared_memory_byte_size"].int64_param = size
    if offset:
        tensor.parameters["shared_memory_offset"].int64_param = offset


def outputs(response: pb.ModelInferResponse) -> dict[str, NDArray[Any]]:
    """The outputs of an answer as arrays."""
    pairs = zip(response.outputs, response.raw_output_contents, strict=True)
    return {
        output.name: np.frombuffer(data, DTYPES[output.datatype]).reshape(output.shape)
        for output, data in pairs
    }


def refused(stub: GRPCInferenceServiceStub, message: pb.ModelInferRequest) -> tuple[Any, str, str]:
    """The code, the reason and the message with which a request is refused."""
    with pytest.raises(grpc.RpcError) as caught:
        stub.ModelInfer(message, timeout=30)
    error: Any = caught.value
    return *reason(caught.value), error.details()
