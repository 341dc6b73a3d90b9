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

PATIENCE = 60.0
"""Seconds after which what a test waits for is taken to never happen."""

Answer = Callable[[pb.DetectRequest], pb.DetectResponse]


class Crowd:
    """An `answer` that comes when it was asked for `count` times at once.

    It notes how many times that was at most.
    """

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
            self._changed.wait_for(lambda: self.most >= self._count, PATIENCE)
            self._now -= 1
        return pb.DetectResponse()


class First:
    """An `answer` that is one for so many requests, and another for those after them."""

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
    """`answer` for so many requests; the next one ends the run, as Ctrl-C does.

    So a run lasts as long as it has to, however slow the machine is.
    """

    def interrupt(request: pb.DetectRequest) -> pb.DetectResponse:
        os.kill(os.getpid(), signal.SIGINT)
        return server.hang(request)

    return First(count, answer, interrupt)


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
