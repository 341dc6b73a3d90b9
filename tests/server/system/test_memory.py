"""A server without memory for an image: it says so, and goes on."""

import resource
import sys
from pathlib import Path

import grpc
import pytest
from PIL import Image

from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from tests.server.image.samples import save
from tests.server.process import connected
from tests.server.rpc_errors import reason

SIDE = 7000
OPTIONS = {"lossless": True, "compress_level": 1}

ROOM = 40 << 20
"""Enough for a server that works, not for 147 MB of pixels."""


@pytest.mark.skipif(sys.platform != "linux", reason="needs prlimit and /proc")
@pytest.mark.parametrize("kind", ["WEBP", "PNG"])
def test_an_image_for_which_there_is_no_memory_can_be_sent_again(kind: str) -> None:
    data = save(Image.new("RGB", (SIDE, SIDE), "teal"), kind, **OPTIONS)
    request = pb.DetectRequest(encoded_image=data)
    with connected("--model", "face-detection-nano") as (server, channel):
        stub = DetectServiceStub(channel)
        small = pb.DetectRequest(encoded_image=save(Image.new("L", (9, 9)), kind))
        stub.Detect(small, timeout=60, wait_for_ready=True)
        statm = Path(f"/proc/{server.pid}/statm").read_text()
        limit = int(statm.split()[0]) * 4096 + ROOM
        unlimited = resource.RLIM_INFINITY
        resource.prlimit(server.pid, resource.RLIMIT_AS, (limit, unlimited))
        with pytest.raises(grpc.RpcError) as refusal:
            stub.Detect(request, timeout=60)
        code = grpc.StatusCode.RESOURCE_EXHAUSTED
        assert reason(refusal.value) == (code, "OUT_OF_MEMORY")
        resource.prlimit(server.pid, resource.RLIMIT_AS, (unlimited, unlimited))
        assert stub.Detect(request, timeout=60).image_width == SIDE
