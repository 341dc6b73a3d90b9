"""Conversion of requests of the Open Inference Protocol to values.

Rule: the message of an error names the input, output or parameter that is wrong, and repeats
no more than SHOWN characters of a name that the caller chose.
"""

import math
import struct
from collections.abc import Iterator, Sequence

from facewire.inference.v2 import open_inference_pb2 as pb
from facewire_server.errors import Reason, RequestError
from facewire_server.image.data import Data
from facewire_server.image.decode import EncodedImage, Image
from facewire_server.image.picture import PixelLayout
from facewire_server.image.raw import RawImage
from facewire_server.rpc.infer_parameters import (
    IGNORED_OF_INPUTS,
    SHOWN,
    bad_option,
    known_parameters,
)

InputTensor = pb.ModelInferRequest.InferInputTensor

MOST_IMAGES = 256
"""The most images of one request."""

MOST_NUMBERS = 1 << 18
"""The most pixel values that are taken as separate numbers of `contents`.

Copying them holds the event loop, where raw_input_contents costs nothing.
"""

MOST_DIMENSIONS = 4
"""The most dimensions that are looked at: a message can have millions."""

LAYOUTS = {"BGR": PixelLayout.BGR, "RGB": PixelLayout.RGB}


def single_input(
    request: pb.ModelInferRequest, shared: memoryview | None
) -> tuple[InputTensor, Data | None]:
    """The one input of a request, and its raw data; None: they are in its contents.

    `shared` is the data of an input in shared memory.

    Raises RequestError (BAD_TENSOR) for no input, several, and for one without data.
    """
    if len(request.inputs) != 1:
        raise _bad(f"the request has {len(request.inputs)} inputs, and one is taken")
    (tensor,) = request.inputs
    raws = len(request.raw_input_contents)
    if raws > 1:
        raise _bad(f"raw_input_contents has {raws} entries for one input")
    # Clients of MLServer send contents without elements beside raw data.
    if raws and tensor.contents.ListFields():
        raise _bad(f"{_name(tensor)} has contents, and raw_input_contents as well")
    if shared is not None and (raws or tensor.HasField("contents")):
        raise _bad(f"{_name(tensor)} is in shared memory, and has data in the message as well")
    if shared is None and not raws and not tensor.HasField("contents"):
        raise _bad(f"{_name(tensor)} has no data")
    if len(tensor.shape) > MOST_DIMENSIONS:
        raise _bad(f"{_name(tensor)} has {len(tensor.shape)} dimensions")
    return tensor, request.raw_input_contents[0] if raws else shared


def images(
    request: pb.ModelInferRequest, *, reducible: bool, shared: memoryview | None = None
) -> list[Image]:
    """The images of a request, in their order; `reducible`: see EncodedImage.

    `shared` is the data of an input in shared memory: pixels are used in place, photos are
    copied, since decoders rely on bytes that do not change.

    Raises RequestError: BAD_TENSOR for inputs that do not fit together, BAD_OPTION for
    parameters of an input, EMPTY_IMAGE for a photo of no bytes.
    """
    tensor, raw = single_input(request, shared)
    layout = _layout(tensor)
    if tensor.datatype == "BYTES":
        return [EncodedImage(photo, reducible) for photo in _photos(tensor, raw)]
    if tensor.datatype == "UINT8" and tensor.shape[-1:] == [3]:
        return list(_pixels(tensor, raw, layout))
    raise _bad(
        f"{_name(tensor)} is {tensor.datatype[:SHOWN]} {_shape(tensor)}, and an input is BYTES"
        " [N] or [N,1], UINT8 [H,W,3] or [N,H,W,3], or the network's own"
    )


def _photos(tensor: InputTensor, raw: Data | None) -> Sequence[bytes]:
    """The encoded photos of a tensor of BYTES."""
    shape = list(tensor.shape)
    if len(shape) not in (1, 2) or shape[1:] not in ([], [1]):
        raise _bad(f"{_name(tensor)} is BYTES {_shape(tensor)} instead of [N] or [N,1]")
    count = _checked_count(tensor, shape[0])
    photos = _elements(tensor, raw) if raw is not None else tensor.contents.bytes_contents
    if len(photos) != count:
        raise _bad(f"{_name(tensor)} has {len(photos)} elements, and the shape {_shape(tensor)}")
    for index, photo in enumerate(photos):
        if not photo:
            raise RequestError(Reason.EMPTY_IMAGE, f"{_name(tensor)}: image {index} has no bytes")
    return photos


def _elements(tensor: InputTensor, raw: Data) -> list[bytes]:
    """The elements of raw BYTES: a length of four bytes before each. At most MOST_IMAGES + 1."""
    found: list[bytes] = []
    start = 0
    while start < len(raw) and len(found) <= MOST_IMAGES:
        if len(raw) - start < 4:
            raise _bad(f"{_name(tensor)} ends within the length of element {len(found)}")
        (length,) = struct.unpack_from("<I", raw, start)
        start += 4
        if len(raw) - start < length:
            raise _bad(f"{_name(tensor)} ends within element {len(found)} of {length} bytes")
        found.append(bytes(raw[start : start + length]))
        start += length
    return found


def _pixels(tensor: InputTensor, raw: Data | None, layout: PixelLayout) -> Iterator[Image]:
    """The images of a tensor of UINT8 [H,W,3] or [N,H,W,3]."""
    shape = list(tensor.shape)
    if len(shape) not in (3, 4) or min(shape) < 1:
        raise _bad(f"{_name(tensor)} is UINT8 {_shape(tensor)} instead of [H,W,3] or [N,H,W,3]")
    count = _checked_count(tensor, shape[0] if len(shape) == 4 else 1)
    data: Data = raw if raw is not None else _bytes(tensor)
    if len(data) != math.prod(shape):
        raise _bad(f"{_name(tensor)} has {len(data)} bytes, and the shape {_shape(tensor)}")
    height, width = shape[-3], shape[-2]
    size = len(data) // count
    for start in range(0, len(data), size):
        part = data[start : start + size]  # no copy of an only image
        yield RawImage(data=part, width=width, height=height, layout=layout)


def _bytes(tensor: InputTensor) -> bytes:
    """The numbers of `uint_contents`, each of which is a byte."""
    numbers = tensor.contents.uint_contents
    if len(numbers) > MOST_NUMBERS:
        raise _bad(
            f"{_name(tensor)} has {len(numbers)} numbers in contents, and {MOST_NUMBERS} are"
            " taken: send them in raw_input_contents"
        )
    try:
        return bytes(numbers)
    except ValueError:
        raise _bad(f"{_name(tensor)} has numbers over 255 in its contents") from None


def _checked_count(tensor: InputTensor, count: int) -> int:
    """The number of images. Raises BAD_TENSOR unless it is 1 to MOST_IMAGES."""
    if not 1 <= count <= MOST_IMAGES:
        raise _bad(f"{_name(tensor)} has {count} images, and 1 to {MOST_IMAGES} are taken")
    return count


def _layout(tensor: InputTensor) -> PixelLayout:
    """The order of the channels, for pixels. Raises BAD_OPTION for other parameters."""
    given = known_parameters(_name(tensor), tensor.parameters, {"pixel_format"}, IGNORED_OF_INPUTS)
    asked = given.get("pixel_format", pb.InferParameter(string_param="BGR")).string_param
    layout = LAYOUTS.get(asked)
    if layout is None:
        raise bad_option(f"{_name(tensor)}: pixel_format is {asked[:SHOWN]!r}, not BGR or RGB")
    return layout


def _name(tensor: InputTensor) -> str:
    return f"input {tensor.name[:SHOWN]!r}"


def _shape(tensor: InputTensor) -> str:
    return f"[{','.join(str(size) for size in tensor.shape)}]"


def _bad(problem: str) -> RequestError:
    return RequestError(Reason.BAD_TENSOR, problem)
