"""The program of each language, servers for it, and photos."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from facewire_server.lifecycle.background import BackgroundServer
from facewire_server.models.source import DATA
from tests.client.fake_server import FakeServer
from tests.examples.programs import COMMANDS, Program
from tests.server.tls_files import TlsFiles

PHOTO = (DATA / "astronaut.jpg").read_bytes()


class Guarded(NamedTuple):
    """A real server that asks for a token over TLS, and the two files that a caller needs."""

    target: str
    ca: Path
    token: Path


@pytest.fixture(params=COMMANDS)
def program(request: pytest.FixtureRequest) -> Program:
    """The program of one language."""
    return Program(request.param)


@pytest.fixture
def fake() -> Iterator[FakeServer]:
    """A fake server."""
    with FakeServer() as server:
        yield server


@pytest.fixture(scope="package")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """A real server with the embedded model that asks for a token over TLS."""
    folder = tmp_path_factory.mktemp("guarded")
    files, token = TlsFiles(folder), folder / "token"
    token.write_text("a token of more than enough characters\n".replace(" ", "-"))
    with BackgroundServer(files.config(token_file=token)) as server:
        yield Guarded(server.target, files.client_ca, token)


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """A photo of one face, one cut short, a file that is no photo, and one that is missing."""
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(PHOTO)
    (folder / "b.jpg").write_bytes(PHOTO[:2000])
    (folder / "c.jpg").write_text("no photo")
    (folder / "d.jpg").symlink_to("missing")
    (folder / "e.jpg").write_bytes(PHOTO)
    (folder / "sub").mkdir()
    return sorted(folder.glob("*.jpg"))
