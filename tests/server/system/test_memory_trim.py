"""A server that is quiet gives memory back."""

import asyncio
import ctypes
import mmap
import threading
from pathlib import Path

import grpc
import pytest

from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_server.config import Config
from facewire_server.lifecycle.background import BackgroundServer
from facewire_server.system import memory_trim
from facewire_server.system.memory_trim import MemoryTrim, malloc_trim

MIB = 1 << 20

BLOCK = 64 << 10
"""Bytes; small enough to come from the heap."""


class Requests:
    """Counts of requests, and how often memory was given back."""

    def __init__(self) -> None:
        self.arrived = 0
        self.under_way = 0
        self.trims = 0
        self.trim = MemoryTrim(lambda: self.arrived, lambda: self.under_way, self.give_back)

    def give_back(self) -> None:
        self.trims += 1

    def look(self, times: int = 1) -> int:
        for _ in range(times):
            asyncio.run(self.trim.look())
        return self.trims


def test_nothing_is_given_back_before_anything_has_come() -> None:
    assert Requests().look(3) == 0


def test_it_is_given_back_once_when_it_becomes_quiet() -> None:
    requests = Requests()
    for times in (1, 2):
        requests.arrived += 5
        assert requests.look() == times - 1
        assert requests.look(3) == times


def test_nothing_is_given_back_while_a_request_is_under_way() -> None:
    requests = Requests()
    requests.arrived = requests.under_way = 1
    assert requests.look(3) == 0
    requests.under_way = 0
    assert requests.look() == 1


def test_a_server_gives_memory_back_when_it_has_answered(
    monkeypatch: pytest.MonkeyPatch, photo: bytes
) -> None:
    given_back = threading.Event()
    monkeypatch.setattr(memory_trim, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(memory_trim, "malloc_trim", given_back.set)
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
def test_what_is_free_is_given_back_though_something_lies_behind_it() -> None:
    library = ctypes.CDLL(None)
    library.malloc.restype = ctypes.c_void_p
    blocks = [ctypes.c_void_p(library.malloc(BLOCK)) for _ in range(4096)]
    for block in blocks:
        ctypes.memset(block, 1, BLOCK)
    for block in blocks[:-1]:
        library.free(block)
    before = resident()
    malloc_trim()
    assert resident() < before - 100 * MIB
    library.free(blocks[-1])


def resident() -> int:
    """How many bytes of memory this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * mmap.PAGESIZE
