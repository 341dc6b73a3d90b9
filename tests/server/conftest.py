"""A real server with the embedded model, on a free port, for all tests here."""

from collections.abc import Iterator

import grpc
import pytest

from facewire.v1 import detect_pb2_grpc
from facewire_server.config import Config
from facewire_server.lifecycle.background import BackgroundServer
from facewire_server.models.source import DATA

MESSAGE_LIMIT_MB = 1.0
"""Small, so that tests can be over it without sending much."""


@pytest.fixture(scope="session")
def photo() -> bytes:
    """A JPEG of 512 x 512 px with one face in it."""
    return (DATA / "astronaut.jpg").read_bytes()


@pytest.fixture(scope="session")
def server() -> Iterator[BackgroundServer]:
    """A server that all tests share, and none may stop."""
    config = Config(port=0, metrics_port=0, max_message_mb=MESSAGE_LIMIT_MB, max_megapixels=16)
    with BackgroundServer(config) as running:
        yield running


@pytest.fixture(scope="session")
def channel(server: BackgroundServer) -> Iterator[grpc.Channel]:
    """A connection to the shared server."""
    with grpc.insecure_channel(server.target) as opened:
        yield opened


@pytest.fixture(scope="session")
def stub(channel: grpc.Channel) -> detect_pb2_grpc.DetectServiceStub:
    """The generated stub on the shared connection."""
    return detect_pb2_grpc.DetectServiceStub(channel)
