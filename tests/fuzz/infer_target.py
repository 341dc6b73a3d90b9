"""Fuzz target: any bytes as a ModelInferRequest, read as the servicer reads it."""

import grpc
from google.protobuf.message import DecodeError

from facewire.inference.v2 import open_inference_pb2 as pb
from facewire_server.errors import FacewireError
from facewire_server.image.decode import open_image
from facewire_server.models.description import Description
from facewire_server.models.signature import Signature, Tensor
from facewire_server.rpc import infer_request, infer_response, tensor_request
from facewire_server.rpc.infer_parameters import Parameters
from facewire_server.rpc.shared_memory import Places
from facewire_server.rpc.status import failure
from facewire_server.system.shared_memory import Regions
from tests.fuzz.image_target import LIMITS, assert_sound, chosen_target
from tests.fuzz.request_target import NUMBER
from tests.server.shared_objects import shared_object

SIGNATURE = Signature(
    Tensor("image", "FP32", (1, 3, 2, 2)),
    (Tensor("boxes", "FP32", (-1, 5)), Tensor("other", "INT64", (-1,))),
)

MODEL = Description(
    name="fuzzed",
    labels=("face",),
    head="",
    resize="standard",
    input_width=8,
    input_height=8,
    device="CPU",
    precision="FP32",
    sha256="0" * 64,
    min_confidence=0.5,
    iou_threshold=0.5,
    landmarks=True,
    signature=SIGNATURE,
)

REGIONS = Regions()
"""The region "r", of 4096 bytes that begin with an element of 300."""

with shared_object((300).to_bytes(4, "little") + bytes(4092)) as _object:
    REGIONS.register("r", _object.name, 0, 4096)

CODES = (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND)  # a region's, the latter

MOST_MESSAGE = 1000
"""The most characters of a message: it has to fit into a header."""


def try_input(data: bytes) -> None:
    """Read one request; AssertionError when a rule is broken, any other error is a bug too."""
    try:
        request = pb.ModelInferRequest.FromString(data)
    except DecodeError:
        return  # gRPC itself answers these
    target = chosen_target(len(data))
    try:
        parameters = Parameters.parse(request.parameters)
        places = Places.of(request, lambda _: REGIONS)
        shared = places.input.data if places.input else None
        is_tensor = tensor_request.is_tensor(request)
        if is_tensor:
            tensor, own = tensor_request.parse(request, parameters.options, MODEL, shared)
            assert tensor.values().shape == own.input.shape
        known = SIGNATURE.outputs if is_tensor else infer_response.outputs(MODEL)
        wanted = infer_response.wanted(request, known)
        images = []
        if not is_tensor:
            images = infer_request.images(request, reducible=len(data) % 3 > 0, shared=shared)
        pictures = [open_image(image, LIMITS, target) for image in images]
    except FacewireError as error:
        answer = failure(error, NUMBER)
        assert answer.code in CODES
        assert answer.reason and NUMBER not in answer.message
        assert len(answer.message) <= MOST_MESSAGE
        return
    assert parameters.timeout is None or parameters.timeout > 0
    assert len({output.name for output in wanted}) == len(wanted) > 0
    assert is_tensor or 1 <= len(images) <= infer_request.MOST_IMAGES
    assert sum(len(image.data) for image in images) <= len(data) + len(shared or b"")
    for place in places.outputs.values():
        assert 0 <= place.start <= place.start + place.size <= 4096
    for picture in pictures:
        assert_sound(picture, target)
