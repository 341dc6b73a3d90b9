"""Answers for a fake server under load."""

import threading
import time

import grpc

from facewire.v1 import detect_pb2 as pb
from tests.client.failure import Failure


class Crowd:
    """An `answer` that takes a moment, and notes how many it was asked for at once."""

    def __init__(self) -> None:
        self.most = 0
        self._now = 0
        self._lock = threading.Lock()

    def __call__(self, request: pb.DetectRequest) -> pb.DetectResponse:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        time.sleep(0.005)
        with self._lock:
            self._now -= 1
        return pb.DetectResponse()


class Stall:
    """An `answer` that keeps everybody waiting once, for 300 ms."""

    def __init__(self, after: int) -> None:
        self._left = after
        self._lock = threading.Lock()

    def __call__(self, request: pb.DetectRequest) -> pb.DetectResponse:
        with self._lock:
            self._left -= 1
            if self._left == 0:
                time.sleep(0.3)
        return pb.DetectResponse()


class Turns:
    """An `answer` with one face, none, QUEUE_FULL and INTERNAL in turn."""

    def __init__(self) -> None:
        self._turn = 0
        self._lock = threading.Lock()

    def __call__(self, request: pb.DetectRequest) -> pb.DetectResponse:
        with self._lock:
            self._turn += 1
            turn = self._turn % 4
        if turn == 1:
            raise Failure(grpc.StatusCode.RESOURCE_EXHAUSTED, "QUEUE_FULL", pushback=1)
        if turn == 2:
            raise Failure(grpc.StatusCode.INTERNAL, message="a fault")
        return pb.DetectResponse(detections=[pb.Detection()] if turn == 3 else [])
