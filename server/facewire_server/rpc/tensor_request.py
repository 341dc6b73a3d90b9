"""Conversion of requests that bring the network's own input, as clients of OpenVINO Model Server.

Rule: all that can be wrong with a request is found here, except for numbers in `contents` that
are too large: those are looked at on a worker's thread, as the pixels of an image are.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facewire.inference.v2 import open_inference_pb2 as pb
from facewire_server.errors import Reason, RequestError
from facewire_server.image.data import Data
from facewire_server.inference.detector import Options
from facewire_server.models.description import Description
from facewire_server.models.signature import DTYPES, SENT, Signature, Tensor
from facewire_server.rpc.infer_parameters import IGNORED_OF_INPUTS, SHOWN, known_parameters
from facewire_server.rpc.infer_request import InputTensor, single_input
from facewire_server.rpc.infer_response import INPUT

CONTENTS = {"FP32": "fp32_contents", "UINT8": "uint_contents"}
"""The field of `contents` for a datatype; FP16 has none."""


@dataclass(frozen=True, slots=True)
class ReadyTensor:
    """The input of a network as it came. `raw` None: it is in `contents`."""

    message: InputTensor
    raw: Data | None

    def values(self) -> NDArray[Any]:
        """The numbers, in the datatype and the shape of the message. Takes milliseconds.

        Raises RequestError (BAD_TENSOR) for numbers that are no UINT8.
        """
        datatype, shape = self.message.datatype, tuple(self.message.shape)
        if self.raw is not None:
            return np.frombuffer(self.raw, DTYPES[datatype]).reshape(shape)
        numbers = getattr(self.message.contents, CONTENTS[datatype])
        if datatype != "UINT8":
            return np.fromiter(numbers, DTYPES[datatype], len(numbers)).reshape(shape)
        values = np.fromiter(numbers, np.uint32, len(numbers)).reshape(shape)
        if values.max() > 255:
            raise _bad(f"{_shown(self.message)} has numbers over 255 in its contents")
        return values


def is_tensor(request: pb.ModelInferRequest) -> bool:
    """Whether a request brings the network's own input, and not photos or pixels."""
    if len(request.inputs) != 1:
        return False
    (tensor,) = request.inputs
    is_pixels = tensor.datatype == "UINT8" and tensor.shape[-1:] == [3]
    return tensor.datatype in SENT and not is_pixels


def parse(
    request: pb.ModelInferRequest,
    options: Options,
    model: Description,
    shared: memoryview | None,
) -> tuple[ReadyTensor, Signature]:
    """The network's own input that a request brings, and what the network takes and returns.

    `shared` is the data of an input in shared memory, which is read in place.

    Raises RequestError: BAD_TENSOR for one that is not as the network takes it, BAD_OPTION for
    any option, since the outputs of the network are not read here.
    """
    message, raw = single_input(request, shared)
    if model.signature is None:
        raise _bad(f"{model.name} takes photos and pixels only, not {_shown(message)}")
    if options != Options():
        raise RequestError(
            Reason.BAD_OPTION,
            "min_confidence, iou_threshold and max_detections are for photos and pixels: a"
            " tensor is answered by the network's own outputs",
        )
    known_parameters(_shown(message), message.parameters, set(), IGNORED_OF_INPUTS)
    problem = _problem(message, raw, model.signature.input)
    if problem:
        own = model.signature.input
        types = ", ".join(own.accepted)
        raise _bad(f"the network takes {own} (as {types}), and {_shown(message)} {problem}")
    return ReadyTensor(message, raw), model.signature


def _problem(message: InputTensor, raw: Data | None, own: Tensor) -> str:
    """What is wrong with a tensor for a network that takes `own`; empty: nothing."""
    shape, datatype = tuple(message.shape), message.datatype
    if message.name not in (own.name, INPUT):
        return "has another name"
    if shape != own.shape and shape[1:] == own.shape[1:]:
        return "is a batch: send each image in a request of its own"
    if datatype not in own.accepted or shape != own.shape:
        return "is another tensor"
    if raw is not None:
        wanted = math.prod(shape) * np.dtype(DTYPES[datatype]).itemsize
        return "" if len(raw) == wanted else f"has {len(raw)} bytes, not {wanted}"
    if datatype not in CONTENTS:
        return "has contents: send it in raw_input_contents"
    count = len(getattr(message.contents, CONTENTS[datatype]))
    return "" if count == math.prod(shape) else f"has {count} numbers in {CONTENTS[datatype]}"


def _shown(message: InputTensor) -> str:
    return f"input {Tensor(message.name[:SHOWN], message.datatype, tuple(message.shape))}"


def _bad(problem: str) -> RequestError:
    return RequestError(Reason.BAD_TENSOR, problem)
