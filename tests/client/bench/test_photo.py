"""The images to send."""

from pathlib import Path

import pytest

from facewire_client.bench import photo
from facewire_client.bench.photo import Photo
from facewire_server.models.source import DATA


def test_the_photo_that_lies_with_the_server_is_the_default() -> None:
    content = (DATA / "astronaut.jpg").read_bytes()
    assert Photo.default() == Photo("astronaut.jpg", content)


def test_without_a_server_there_is_no_default(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(package: str) -> Path:
        raise ModuleNotFoundError(package)

    monkeypatch.setattr(photo, "files", missing)
    assert Photo.default() is None


def test_a_photo_is_called_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "x.jpg"
    path.write_bytes(b"bytes")
    assert Photo.read(path) == Photo(str(path), b"bytes")
