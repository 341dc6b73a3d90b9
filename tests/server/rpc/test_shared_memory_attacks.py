"""Shared memory that is made shorter, against a server in a process of its own."""

import os
import subprocess
import threading
from collections.abc import Iterator

import grpc
import numpy as np
import pytest
from numpy.typing import NDArray

from facewire.inference.v2 import open_inference_pb2 as pb
from facewire.inference.v2.open_inference_pb2_grpc import GRPCInferenceServiceStub
from tests.server.infer import elements, outputs, place, raw, refused
from tests.server.process import connected
from tests.server.rpc_errors import reason
from tests.server.shared_objects import register, shared, shared_object

INVALID = grpc.StatusCode.INVALID_ARGUMENT


@pytest.fixture(scope="module")
def process() -> Iterator[tuple[subprocess.Popen[str], GRPCInferenceServiceStub]]:
    """A server in a process of its own, which a signal would end."""
    with connected("--shared-memory") as (server, channel):
        yield server, GRPCInferenceServiceStub(channel)


def answers(stub: GRPCInferenceServiceStub, photo: bytes) -> bool:
    """Whether the server finds the face in a photo."""
    return len(outputs(stub.ModelInfer(raw("BYTES", [1], elements(photo)), timeout=30))) > 0


@pytest.mark.parametrize("datatype", ["UINT8", "BYTES"])
def test_an_object_that_was_made_shorter_fails_calls_and_ends_no_server(
    process: tuple[subprocess.Popen[str], GRPCInferenceServiceStub],
    photo: bytes,
    pixels: NDArray[np.uint8],
    datatype: str,
) -> None:
    server, stub = process
    data = pixels.tobytes() if datatype == "UINT8" else elements(photo)
    shape = [512, 512, 3] if datatype == "UINT8" else [1]
    request = shared(datatype, shape, len(data), 0)
    with shared_object(data) as path:
        register(stub, "r", path)
        os.truncate(path, 8192)
        code, why, message = refused(stub, request)
    assert (code, why) == (INVALID, "BAD_REGION")
    assert "made shorter after it was registered" in message
    assert answers(stub, photo)
    assert server.poll() is None


def test_outputs_for_a_shorter_object_are_lost_and_end_no_server(
    process: tuple[subprocess.Popen[str], GRPCInferenceServiceStub], photo: bytes
) -> None:
    server, stub = process
    request = raw("BYTES", [1], elements(photo))
    place(request.outputs.add(name="boxes"), "o", 4096, 4096)
    with shared_object(bytes(8192)) as path:
        register(stub, "o", path)
        os.truncate(path, 1)
        assert refused(stub, request)[1] == "BAD_REGION"
        assert path.stat().st_size == 1
    assert answers(stub, photo)
    assert server.poll() is None


def test_an_object_that_shrinks_while_it_is_read_ends_no_server(
    process: tuple[subprocess.Popen[str], GRPCInferenceServiceStub],
    photo: bytes,
    pixels: NDArray[np.uint8],
) -> None:
    server, stub = process
    ended = threading.Event()
    with shared_object(pixels.tobytes()) as path:

        def shrink() -> None:
            while not ended.is_set():
                os.truncate(path, 8192)
                os.truncate(path, 512 * 512 * 3)

        thread = threading.Thread(target=shrink)
        thread.start()
        lost = 0
        try:
            while lost < 5:
                name = pb.SystemSharedMemoryUnregisterRequest(name="r")
                stub.SystemSharedMemoryUnregister(name, timeout=30)
                try:
                    register(stub, "r", path, size=512 * 512 * 3)
                    stub.ModelInfer(shared("UINT8", [512, 512, 3], 512 * 512 * 3, 0), timeout=30)
                except grpc.RpcError as error:
                    assert reason(error) == (INVALID, "BAD_REGION")
                    lost += "made shorter" in str(error)
        finally:
            ended.set()
            thread.join()
    assert answers(stub, photo)
    assert server.poll() is None
