"""Clients of other servers, in processes and environments of their own, at a real server."""

import sys
from secrets import token_hex
from typing import Any

import cv2
import grpc
import numpy as np
import pytest

from facewire.inference.v2 import open_inference_pb2 as pb
from facewire.v1 import detect_pb2
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_server.config import Config
from facewire_server.lifecycle.background import BackgroundServer
from facewire_server.system.shared_memory import FOLDER
from tests.server.clients import PHOTO, detected, needs, printed, python, run, snippet

TRITON = python("tritonclient")

STREAM = """
import queue, sys
import numpy as np
import tritonclient.grpc as triton

client = triton.InferenceServerClient(sys.argv[1])
photo = np.array([open(sys.argv[2], "rb").read()], dtype=object)
image = triton.InferInput("image", photo.shape, "BYTES")
image.set_data_from_numpy(photo)
answers = queue.Queue()
client.start_stream(lambda result, error: answers.put((result, error)))
for name in ("face-detection-nano", "other", "face-detection-nano"):
    client.async_stream_infer(name, [image], enable_empty_final_response=True)
for _ in range(3):
    result, error = answers.get(timeout=30)
    print(error or len(result.as_numpy("boxes")))
client.stop_stream()
"""

PROBES = """
import sys
import tritonclient.grpc as triton

client = triton.InferenceServerClient(sys.argv[1])
print(client.is_server_live(), client.is_server_ready())
print(client.is_model_ready("face-detection-nano"), client.is_model_ready("other"))
print(client.get_server_metadata().name)
print([output.name for output in client.get_model_metadata("face-detection-nano").outputs])
print(client.get_model_config("face-detection-nano").config.input[0].name)
print(client.get_model_repository_index().models[0].state)
"""

BESIDE = """
import sys
for module in sys.argv[1:]:
    __import__(module)
"""

SAME_NAMES = """
from google.protobuf import descriptor_pb2, descriptor_pool
from facewire.inference.v2 import open_inference_pb2

file = descriptor_pb2.FileDescriptorProto()
open_inference_pb2.DESCRIPTOR.CopyToProto(file)
file.name = "grpc_service.proto"
descriptor_pool.Default().AddSerializedFile(file.SerializeToString())
"""

with_client = needs("tritonclient")


@pytest.mark.parametrize(
    ("client", "part"),
    [
        pytest.param(client, part, marks=needs(client))
        for client, part in (
            ("tritonclient", "client_timeout=5"),
            ("tritonclient", "image_data = []"),
            ("kserve", "kserve"),
            ("mlserver", "mlserver"),
        )
    ],
)
def test_a_snippet_of_the_page_prints_the_boxes_of_detect(
    server: BackgroundServer, stub: DetectServiceStub, photo: bytes, client: str, part: str
) -> None:
    beside = f"import {pb.__name__}\n"  # each client defines messages of the same names
    lines = run(python(client), snippet(part) + beside, server.target, PHOTO)
    assert lines
    assert lines == printed(detected(stub, photo))


@with_client
def test_frames_and_boxes_of_tritonclient_are_in_shared_memory(photo: bytes) -> None:
    pixels: Any = cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR)
    frame = np.ascontiguousarray(cv2.resize(pixels, (1080, 1080)))
    frame = np.pad(frame, ((0, 0), (420, 420), (0, 0)))  # 1080p
    key = f"facewire-test-{token_hex(8)}"
    code = snippet("shared_memory as shm").replace("/camera-", f"/{key}-")
    raw_image = detect_pb2.RawImage(
        data=frame.tobytes(), width=1920, height=1080, pixel_format=detect_pb2.PIXEL_FORMAT_BGR
    )
    with (
        BackgroundServer(Config(port=0, metrics_port=None, shared_memory=True)) as server,
        grpc.insecure_channel(server.target) as channel,
    ):
        lines = run(TRITON, code, server.target, "1080", "1920", data=frame.tobytes())
        request = detect_pb2.DetectRequest(raw_image=raw_image)
        found = DetectServiceStub(channel).Detect(request, timeout=30).detections
    rows = [
        (each.box.x_min, each.box.y_min, each.box.x_max, each.box.y_max, each.confidence)
        for each in found
    ]
    assert lines == [" ".join(f"{value:.2f}" for value in row) for row in rows]
    assert lines
    assert key in code
    assert not list(FOLDER.glob(f"{key}-*"))


@with_client
def test_a_stream_of_tritonclient_is_answered_in_order(server: BackgroundServer) -> None:
    first, second, third = run(TRITON, STREAM, server.target, PHOTO)
    assert first == third == "1"
    assert "no model 'other' is loaded" in second


@with_client
def test_tritonclient_reads_what_the_server_says_of_itself(server: BackgroundServer) -> None:
    assert run(TRITON, PROBES, server.target) == [
        "True True",
        "True False",
        "facewire",
        "['boxes', 'labels', 'image_index', 'image_size']",
        "image",
        "READY",
    ]


@with_client
@pytest.mark.parametrize("reverse", [False, True])
def test_tritonclient_is_imported_beside_the_stubs(reverse: bool) -> None:
    modules = ["tritonclient.grpc", pb.__name__]
    run(TRITON, BESIDE, *(reversed(modules) if reverse else modules))


def test_the_messages_leave_their_names_to_others() -> None:
    run(sys.executable, SAME_NAMES)
