"""The images that are sent."""

from pathlib import Path

import pytest

from facewire_client.bench import settings
from facewire_client.bench.settings import Photo
from facewire_server.models.source import DATA


def test_the_photo_in_the_servers_package_is_the_default() -> None:
    content = (DATA / "astronaut.jpg").read_bytes()
    assert Photo.default() == Photo("astronaut.jpg", content)


def test_without_the_servers_package_there_is_no_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "find_spec", lambda package: None)
    assert Photo.default() is None


def test_a_photo_is_named_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "x.jpg"
    path.write_bytes(b"bytes")
    assert Photo.read(path) == Photo(str(path), b"bytes")
