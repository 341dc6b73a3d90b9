"""Answers for a fake server under load."""

import os
import signal
import threading
import time
from collections.abc import Callable

import grpc

from facewire.v1 import detect_pb2 as pb
from tests.client.failure import Failure
from tests.client.fake_server import FakeServer

TIMEOUT = 60.0
"""Seconds after which a wait of a test fails."""

Answer = Callable[[pb.DetectRequest], pb.DetectResponse]


class Crowd:
    """An `answer` that comes once `count` requests are in flight; `most` is their maximum."""

    def __init__(self, count: int) -> None:
        self.most = 0
        self._now = 0
        self._count = count
        self._changed = threading.Condition()

    def __call__(self, request: pb.DetectRequest) -> pb.DetectResponse:
        with self._changed:
            self._now += 1
            self.most = max(self.most, self._now)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self.most >= self._count, TIMEOUT)
            self._now -= 1
        return pb.DetectResponse()


class First:
    """An `answer` that uses one function for `count` requests, and another afterwards."""

    def __init__(self, count: int, answer: Answer, then: Answer) -> None:
        self._left = count
        self._answer = answer
        self._then = then
        self._lock = threading.Lock()

    def __call__(self, request: pb.DetectRequest) -> pb.DetectResponse:
        with self._lock:
            self._left -= 1
            answer = self._answer if self._left >= 0 else self._then
        return answer(request)


def until(count: int, answer: Answer, server: FakeServer) -> First:
    """Use `answer` for `count` requests, and send this process SIGINT at the next one.

    So a run takes as long as these requests do, also on a slow machine.
    """

    def interrupt(request: pb.DetectRequest) -> pb.DetectResponse:
        os.kill(os.getpid(), signal.SIGINT)
        return server.hang(request)

    return First(count, answer, interrupt)


class Stall:
    """An `answer` that stalls all requests once, for 300 ms."""

    def __init__(self, after: int) -> None:
        self._left = after
        self._lock = threading.Lock()

    def __call__(self, request: pb.DetectRequest) -> pb.DetectResponse:
        with self._lock:
            self._left -= 1
            if self._left == 0:
                time.sleep(0.3)
        return pb.DetectResponse()


class Rotation:
    """An `answer` that rotates QUEUE_FULL, INTERNAL, one face and no face."""

    def __init__(self) -> None:
        self._count = 0
        self._lock = threading.Lock()

    def __call__(self, request: pb.DetectRequest) -> pb.DetectResponse:
        with self._lock:
            self._count += 1
            index = self._count % 4
        if index == 1:
            raise Failure(grpc.StatusCode.RESOURCE_EXHAUSTED, "QUEUE_FULL", pushback=1)
        if index == 2:
            raise Failure(grpc.StatusCode.INTERNAL, message="a fault")
        return pb.DetectResponse(detections=[pb.Detection()] if index == 3 else [])
