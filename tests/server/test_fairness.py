"""Clients beside each other: none of them has to wait for all that another wants."""

import threading
from collections.abc import Iterator
from statistics import median
from typing import Self

import grpc
import pytest

from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_server.config import Config
from facewire_server.lifecycle.background import BackgroundServer

STREAMS = 20

# Otherwise gRPC would lead both clients of this process over one connection.
OWN_CONNECTION = (("grpc.use_local_subchannel_pool", 1),)


@pytest.fixture
def small() -> Iterator[BackgroundServer]:
    """A server whose queue a few calls fill."""
    with BackgroundServer(Config(port=0, metrics_port=None, max_queue=4)) as running:
        yield running


class Greedy:
    """A client with many streams that have always more to send."""

    def __init__(self, target: str, photo: bytes) -> None:
        self.answered = 0
        self._target = target
        self._photo = photo
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._stream, args=(each,))
            for each in [grpc.insecure_channel(target, OWN_CONNECTION)] * STREAMS
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _frames(self) -> Iterator[pb.DetectStreamRequest]:
        while not self._stop.is_set():
            request = pb.DetectRequest(encoded_image=self._photo)
            yield pb.DetectStreamRequest(request=request)

    def _stream(self, channel: grpc.Channel) -> None:
        for answer in DetectServiceStub(channel).DetectStream(self._frames()):
            assert answer.HasField("response")
            self.answered += 1


def test_one_request_is_answered_beside_a_client_with_many_streams(
    small: BackgroundServer, photo: bytes
) -> None:
    with (
        Greedy(small.target, photo) as greedy,
        grpc.insecure_channel(small.target, OWN_CONNECTION) as channel,
    ):
        while greedy.answered < 2 * STREAMS:
            threading.Event().wait(0.01)
        stub = DetectServiceStub(channel)
        waited = []
        for _ in range(5):
            before = greedy.answered
            response = stub.Detect(pb.DetectRequest(encoded_image=photo), timeout=60)
            assert len(response.detections) == 1
            waited.append(greedy.answered - before)
        # In the order of arrival it would be all that wait: several a stream. The
        # median, as answers that were under way come in bursts.
        assert median(waited) < STREAMS
