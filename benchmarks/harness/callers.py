"""Callers on threads of this process, each with a photo in a closed loop."""

import threading
import time
from collections import Counter
from typing import Self

import grpc

from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub

OPTIONS = (("grpc.use_local_subchannel_pool", 1), ("grpc.max_send_message_length", -1))
"""A connection of its own, for messages of any size."""


class Callers:
    """They call from `with` until its end; without retries, so that every failure shows."""

    def __init__(self, target: str, image: bytes, count: int, *models: str) -> None:
        """`models` are asked in turn, each by `count` callers; none: the default one."""
        self.seconds: list[float] = []
        self.versions: Counter[str] = Counter()
        self.failures: list[str] = []
        self._target = target
        self._stop = threading.Event()
        requests = [pb.DetectRequest(encoded_image=image, model=each) for each in models or ("",)]
        self._threads = [
            threading.Thread(target=self._call, args=(each,)) for each in requests * count
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _call(self, request: pb.DetectRequest) -> None:
        with grpc.insecure_channel(self._target, OPTIONS) as channel:
            stub = DetectServiceStub(channel)
            while not self._stop.is_set():
                started = time.perf_counter()
                try:
                    answer = stub.Detect(request, timeout=60)
                except grpc.RpcError as error:
                    self.failures.append(str(error))
                else:
                    self.seconds.append(time.perf_counter() - started)
                    self.versions[answer.model_version] += 1
