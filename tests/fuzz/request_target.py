"""Fuzz target: any bytes as a DetectRequest, read as the servicer reads it."""

import grpc
from google.protobuf.message import DecodeError

from facewire.v1 import detect_pb2 as pb
from facewire_server.errors import FacewireError
from facewire_server.image.data import Data
from facewire_server.image.decode import open_image
from facewire_server.rpc import converters
from facewire_server.rpc.message_parser import PATHS, cut_out
from facewire_server.rpc.status import failure
from tests.fuzz.image_target import LIMITS, assert_sound, chosen_target

NUMBER = "0123456789abcdef"
"""A request id, as an error message would name it."""


def assert_same(whole: pb.DetectRequest, rest: pb.DetectRequest, cut: Data | None) -> None:
    """Assert that a message without its image, and the image, are the whole."""
    joined = pb.DetectRequest()
    joined.CopyFrom(rest)
    if cut is not None and joined.WhichOneof("image") == "encoded_image":
        joined.encoded_image = bytes(cut)
    elif cut is not None:
        joined.raw_image.data = bytes(cut)
    # As bytes, since a NaN is not equal to itself.
    encoded = [each.SerializeToString(deterministic=True) for each in (joined, whole)]
    assert encoded[0] == encoded[1]


def try_input(data: bytes) -> None:
    """Read one request; AssertionError when a rule is broken, any other error is a bug too."""
    try:
        whole = pb.DetectRequest.FromString(data)
    except DecodeError:
        whole = None
    rest, cut = cut_out(data, PATHS["Detect"])
    try:
        request = pb.DetectRequest.FromString(rest)
    except DecodeError:
        assert whole is None
        return
    assert whole is not None
    assert_same(whole, request, cut)
    target = chosen_target(len(data))
    try:
        options = converters.options(request.options)
        image = converters.image(request, cut, reducible=len(data) % 3 > 0)
        picture = open_image(image, LIMITS, target)
    except FacewireError as error:
        answer = failure(error, NUMBER)
        assert answer.code is grpc.StatusCode.INVALID_ARGUMENT
        assert answer.reason and NUMBER not in answer.message
        return
    for threshold in (options.min_confidence, options.iou_threshold):
        assert threshold is None or 0 <= threshold <= 1
    assert options.max_detections is None or options.max_detections >= 1
    assert_sound(picture, target)
