"""A fake server for each test, and a real one for all of them."""

from collections.abc import Iterator

import pytest

from facewire_client import FaceClient
from facewire_server.config import Config
from facewire_server.lifecycle.background import BackgroundServer
from facewire_server.models.source import DATA
from tests.client.fake_server import FakeServer


@pytest.fixture
def fake() -> Iterator[FakeServer]:
    """A fake server."""
    with FakeServer() as server:
        yield server


@pytest.fixture
def client(fake: FakeServer) -> Iterator[FaceClient]:
    """A client of the fake server."""
    with FaceClient(fake.target) as opened:
        yield opened


@pytest.fixture(scope="session")
def real() -> Iterator[BackgroundServer]:
    """A real server with the embedded model."""
    with BackgroundServer(Config(port=0, metrics_port=None)) as server:
        yield server


@pytest.fixture(scope="session")
def photo() -> bytes:
    """A JPEG of 512 x 512 px with one face in it."""
    return (DATA / "astronaut.jpg").read_bytes()
