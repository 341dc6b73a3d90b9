"""The memory of a server: too little for an image, and given back when it is idle."""

import asyncio
import ctypes
import resource
import sys
import threading

import grpc
import psutil
import pytest
from PIL import Image

from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_server.config import Config
from facewire_server.lifecycle.background import BackgroundServer
from facewire_server.system import memory
from facewire_server.system.memory import MemoryTrim, malloc_trim
from tests.server.image.samples import save
from tests.server.process import connected
from tests.server.rpc_errors import reason

SIDE = 7000
OPTIONS = {"lossless": True, "compress_level": 1}

ROOM = 40 << 20
"""Enough for a server that works, not for 147 MB of pixels."""

MIB = 1 << 20

BLOCK = 64 << 10
"""Bytes; small enough to come from the heap."""


@pytest.mark.skipif(sys.platform != "linux", reason="needs prlimit")
@pytest.mark.parametrize("kind", ["WEBP", "PNG"])
def test_an_image_for_which_there_is_no_memory_can_be_sent_again(kind: str) -> None:
    data = save(Image.new("RGB", (SIDE, SIDE), "teal"), kind, **OPTIONS)
    request = pb.DetectRequest(encoded_image=data)
    with connected("--model", "face-detection-nano") as (server, channel):
        stub = DetectServiceStub(channel)
        small = pb.DetectRequest(encoded_image=save(Image.new("L", (9, 9)), kind))
        stub.Detect(small, timeout=60, wait_for_ready=True)
        limit = psutil.Process(server.pid).memory_info().vms + ROOM
        unlimited = resource.RLIM_INFINITY
        resource.prlimit(server.pid, resource.RLIMIT_AS, (limit, unlimited))
        with pytest.raises(grpc.RpcError) as caught:
            stub.Detect(request, timeout=60)
        code = grpc.StatusCode.RESOURCE_EXHAUSTED
        assert reason(caught.value) == (code, "OUT_OF_MEMORY")
        resource.prlimit(server.pid, resource.RLIMIT_AS, (unlimited, unlimited))
        assert stub.Detect(request, timeout=60).image_width == SIDE


class Requests:
    """Counts of requests, and how often memory was given back."""

    def __init__(self) -> None:
        self.arrived = 0
        self.in_flight = 0
        self.trims = 0
        self.trim = MemoryTrim(lambda: self.arrived, lambda: self.in_flight, self.give_back)

    def give_back(self) -> None:
        self.trims += 1

    def check(self, times: int = 1) -> int:
        for _ in range(times):
            asyncio.run(self.trim.check())
        return self.trims


def test_nothing_is_given_back_before_a_request_has_arrived() -> None:
    assert Requests().check(3) == 0


def test_it_is_given_back_once_when_it_becomes_idle() -> None:
    requests = Requests()
    for times in (1, 2):
        requests.arrived += 5
        assert requests.check() == times - 1
        assert requests.check(3) == times


def test_nothing_is_given_back_while_a_request_is_in_flight() -> None:
    requests = Requests()
    requests.arrived = requests.in_flight = 1
    assert requests.check(3) == 0
    requests.in_flight = 0
    assert requests.check() == 1


def test_a_server_gives_memory_back_when_it_has_answered(
    monkeypatch: pytest.MonkeyPatch, photo: bytes
) -> None:
    given_back = threading.Event()
    monkeypatch.setattr(memory, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(memory, "malloc_trim", given_back.set)
    with (
        BackgroundServer(Config(port=0, metrics_port=None)) as server,
        grpc.insecure_channel(server.target) as channel,
    ):
        assert not given_back.is_set()
        DetectServiceStub(channel).Detect(pb.DetectRequest(encoded_image=photo))
        assert given_back.wait(60)


@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="the C library is not glibc"
)
def test_free_memory_is_given_back_from_below_memory_in_use() -> None:
    library = ctypes.CDLL(None)
    library.malloc.restype = ctypes.c_void_p
    blocks = [ctypes.c_void_p(library.malloc(BLOCK)) for _ in range(4096)]
    for block in blocks:
        ctypes.memset(block, 1, BLOCK)
    for block in blocks[:-1]:
        library.free(block)
    before = resident_bytes()
    malloc_trim()
    assert resident_bytes() < before - 100 * MIB
    library.free(blocks[-1])


def resident_bytes() -> int:
    """Memory that this process holds."""
    return int(psutil.Process().memory_info().rss)
