"""A server that runs out of file descriptors, and later has some again."""

import resource
import socket
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest

from facewire.inference.v2 import open_inference_pb2
from facewire.inference.v2.open_inference_pb2_grpc import GRPCInferenceServiceStub
from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from tests.server.constant_model import write_constant_model
from tests.server.process import connected, serving
from tests.server.rpc_errors import reason
from tests.server.shared_objects import register, shared_object

OWN_CONNECTION = (("grpc.use_local_subchannel_pool", 1),)

FACE = (8.0, 8.0, 56.0, 56.0, 0.9, 0)

SPARE = 4
"""File descriptors that the server may still open."""


def test_a_server_without_file_descriptors_serves_on_and_accepts_again(
    photo: bytes,
) -> None:
    request = pb.DetectRequest(encoded_image=photo)
    with (
        serving("--log-level", "error") as (process, target),
        grpc.insecure_channel(target, OWN_CONNECTION) as channel,
        ExitStack() as stack,
    ):
        stub = DetectServiceStub(channel)
        assert len(stub.Detect(request, timeout=30).detections) == 1
        limit_descriptors(process.pid, SPARE)
        host, _, port = target.rpartition(":")
        for _ in range(8 * SPARE):
            # The kernel accepts them into the backlog, whether the server does or not.
            stack.enter_context(socket.create_connection((host, int(port))))
        with (
            grpc.insecure_channel(target, OWN_CONNECTION) as late,
            pytest.raises(grpc.RpcError),
        ):
            DetectServiceStub(late).Detect(request, timeout=1)
        for _ in range(10):
            assert len(stub.Detect(request, timeout=30).detections) == 1
        stack.close()
        with grpc.insecure_channel(target, OWN_CONNECTION) as fresh:
            answer = DetectServiceStub(fresh).Detect(request, timeout=60, wait_for_ready=True)
        assert len(answer.detections) == 1
        process.terminate()
        assert process.wait(30) == 0


def test_a_region_for_which_there_is_no_file_descriptor_may_be_registered_later() -> None:
    with (
        connected("--shared-memory") as (process, channel),
        shared_object(bytes(4096)) as path,
    ):
        infer = GRPCInferenceServiceStub(channel)
        assert_refused_for_now(process, channel, partial(register, infer, "r", path))


def test_a_model_for_which_there_is_no_file_descriptor_may_be_loaded_later(
    tmp_path: Path,
) -> None:
    model = write_constant_model(tmp_path / "own.xml", [FACE], {"labels": "face"})
    request = open_inference_pb2.RepositoryModelLoadRequest(model_name="own")
    with connected("--model", str(model), "--model-control", "explicit") as (process, channel):
        infer = GRPCInferenceServiceStub(channel)
        load = partial(infer.RepositoryModelLoad, request, timeout=60)
        assert_refused_for_now(process, channel, load)


def assert_refused_for_now(
    process: subprocess.Popen[str], channel: grpc.Channel, call: Callable[[], object]
) -> None:
    """Call a server that is out of file descriptors, and again when it has some."""
    grpc.channel_ready_future(channel).result(30)
    before = limit_descriptors(process.pid, 0)
    with pytest.raises(grpc.RpcError) as caught:
        call()
    assert reason(caught.value) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "OUT_OF_MEMORY")
    error: Any = caught.value
    assert dict(error.trailing_metadata())["grpc-retry-pushback-ms"] == "1000"
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, before)
    call()


def limit_descriptors(pid: int, spare: int) -> tuple[int, int]:
    """Limit a process to `spare` more file descriptors at most; returns the limits before."""
    taken = {int(each.name) for each in Path(f"/proc/{pid}/fd").iterdir()}
    # A new one gets the lowest number that is free, which has to be under the limit.
    limit = min(set(range(len(taken) + 1)) - taken) + spare
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, before[1]))
    return before
