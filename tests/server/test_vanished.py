"""A caller whose process is killed: what it has taken is free again."""

import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from typing import Any

import grpc
import pytest

from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_ext import Placement
from facewire_server.config import Config
from facewire_server.image.fit import fit
from facewire_server.lifecycle.background import BackgroundServer
from facewire_server.models.source import EMBEDDED

CLIENT = """
import sys
import time
import grpc
from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_server.models.source import DATA

request = pb.DetectRequest(encoded_image=(DATA / "astronaut.jpg").read_bytes())
stub = DetectServiceStub(grpc.insecure_channel(sys.argv[1]))
calls = [stub.Detect.future(request) for _ in range(5)]
input()
frame = pb.DetectStreamRequest(request=request)
streams = [stub.DetectStream(iter([frame] * 9)) for _ in range(2)]
time.sleep(600)
"""
"""Five calls, and two streams when it gets a line: on one connection.

A frame that came before the calls could take the worker, and the queue has four places.
"""

CALLS = 5
TAKEN = CALLS + 2
"""The calls, and one frame of each stream: as many as there are workers."""


def test_the_queued_requests_of_a_killed_caller_make_room_for_others(
    monkeypatch: pytest.MonkeyPatch, photo: bytes
) -> None:
    let_go = threading.Event()

    def hang(*arguments: Any, **options: Any) -> Placement:
        assert let_go.wait(120)
        return fit(*arguments, **options)

    monkeypatch.setattr("facewire_server.inference.detector.fit", hang)
    config = Config(port=0, metrics_port=0, max_parallel=1, max_queue=4)
    with (
        BackgroundServer(config) as server,
        grpc.insecure_channel(server.target) as channel,
        subprocess.Popen(
            [sys.executable, "-c", CLIENT, server.target], stdin=subprocess.PIPE, text=True
        ) as client,
    ):
        try:
            wait_for(lambda: scrape(server, "inflight_requests") == CALLS)
            assert client.stdin is not None
            print(file=client.stdin, flush=True)
            wait_for(lambda: scrape(server, "inflight_requests") == TAKEN)
            assert scrape(server, "queue_depth") == TAKEN - 1
            client.kill()
            wait_for(lambda: scrape(server, "inflight_requests") == 0)
            assert scrape(server, "queue_depth") == 0
            # Its thread cannot be taken from the dead caller's work, but all else can.
            stub = DetectServiceStub(channel)
            request = pb.DetectRequest(encoded_image=photo)
            calls = [stub.Detect.future(request, timeout=60) for _ in range(4)]
            wait_for(lambda: scrape(server, "queue_depth") == 4)
        finally:
            client.kill()
            let_go.set()
        assert [len(call.result().detections) for call in calls] == [1] * 4
        inferences = scrape(server, f'inferences_total{{model="{EMBEDDED}"}}')
        assert inferences == len(calls)


def wait_for(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def scrape(server: BackgroundServer, name: str) -> float:
    url = f"http://127.0.0.1:{server.metrics_port}/metrics"
    with urllib.request.urlopen(url, timeout=60) as answer:
        lines = answer.read().decode().splitlines()
    rows = (line.rsplit(" ", 1) for line in lines)
    return next(float(row[1]) for row in rows if row[0] == f"facewire_{name}")
