"""Servers with narrow limits for tests that attack them, and a check that they still serve."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from facewire.v1 import detect_pb2 as pb
from facewire_client import FaceClient
from facewire_server.config import Config, TransportLimits
from facewire_server.lifecycle.background import BackgroundServer


@contextmanager
def limited(**limits: Any) -> Iterator[BackgroundServer]:
    """A server with these limits and the defaults for all others."""
    config = Config(port=0, metrics_port=0, limits=TransportLimits(**limits))
    with BackgroundServer(config) as running:
        yield running


def detects(server: BackgroundServer, photo: bytes) -> bool:
    """Whether a new client gets the one face of the photo."""
    with FaceClient(server.target) as client:
        return len(client.detect(photo).faces) == 1


def frame(photo: bytes) -> bytes:
    """A message of a stream."""
    request = pb.DetectRequest(encoded_image=photo)
    return pb.DetectStreamRequest(frame_id=1, request=request).SerializeToString()


def image(photo: bytes) -> bytes:
    """The message of a call."""
    return pb.DetectRequest(encoded_image=photo).SerializeToString()
