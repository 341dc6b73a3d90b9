"""A server that runs out of file descriptors, and later has some again."""

import resource
import socket
from contextlib import ExitStack

import grpc
import psutil
import pytest

from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from tests.server.process import serving

OWN_CONNECTION = (("grpc.use_local_subchannel_pool", 1),)

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


def limit_descriptors(pid: int, spare: int) -> None:
    """Limit a process to its file descriptors and `spare` more."""
    limit = psutil.Process(pid).num_fds() + spare
    _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, hard))
