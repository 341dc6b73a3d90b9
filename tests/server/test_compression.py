"""Compressed messages are refused, and never expanded."""

import gzip
import re
import zlib
from pathlib import Path

import grpc
import pytest

from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_server.lifecycle.background import BackgroundServer
from tests.server.http2_peer import DETECT, DETECT_STREAM, Peer
from tests.server.limited import detects
from tests.server.process import serving
from tests.server.rpc_errors import reason

UNIMPLEMENTED = 12
METHODS = [
    DETECT,
    DETECT_STREAM,
    "/facewire.v1.DetectService/ListModels",
    "/grpc.health.v1.Health/Check",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/inference.GRPCInferenceService/ModelInfer",
]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", [0, 100_000, 10_000_000])
def test_gzip_is_refused_with_what_to_turn_off(
    server: BackgroundServer, photo: bytes, method: str, size: int
) -> None:
    with Peer(server.target) as peer:
        stream = peer.call(method, headers=[("grpc-encoding", "gzip")])
        peer.message(stream, gzip.compress(bytes(size)), compressed=True)
        assert peer.wait(stream, 20) == UNIMPLEMENTED
        assert peer.reasons[stream] == "NOT_SERVED"
        assert "turn off compression" in peer.messages[stream]
    assert detects(server, photo)


def test_a_client_with_gzip_is_told_what_to_turn_off(server: BackgroundServer) -> None:
    compression = grpc.Compression.Gzip
    with grpc.insecure_channel(server.target, compression=compression) as channel:
        stub = DetectServiceStub(channel)
        with pytest.raises(grpc.RpcError, match="turn off compression") as error:
            stub.Detect(pb.DetectRequest(encoded_image=bytes(10_000)))
    assert reason(error.value) == (grpc.StatusCode.UNIMPLEMENTED, "NOT_SERVED")


def test_deflate_is_refused_by_its_name(server: BackgroundServer, photo: bytes) -> None:
    with Peer(server.target) as peer:
        stream = peer.call(headers=[("grpc-encoding", "deflate")])
        peer.message(stream, zlib.compress(bytes(10_000_000)), compressed=True)
        assert peer.wait(stream, 20) == UNIMPLEMENTED
        assert "'deflate' is disabled" in peer.messages[stream]
    assert detects(server, photo)


def test_gzip_that_expands_a_thousandfold_takes_no_memory() -> None:
    megabytes = 60
    zeros = gzip.compress(bytes(megabytes << 20))
    with serving() as (process, target), Peer(target) as peer:
        before = peak_megabytes(process.pid)
        for _ in range(10):
            stream = peer.call(headers=[("grpc-encoding", "gzip")])
            peer.message(stream, zeros, compressed=True)
            assert peer.wait(stream, 20) == UNIMPLEMENTED
        assert peak_megabytes(process.pid) - before < megabytes / 2


def peak_megabytes(pid: int) -> float:
    """The most memory that a process has had so far, in MiB."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) / 1024
