"""Fixtures: a tiny published model, a web server that has it, and an empty cache."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from facewire_server.catalogue.cache import ModelCache
from facewire_server.catalogue.catalogue import PublishedModel
from facewire_server.catalogue.fetch import RetryPolicy
from tests.server.catalogue import tiny
from tests.server.catalogue.file_server import FileServer

QUICK = RetryPolicy(
    retries=2, first_wait=0.01, longest_wait=0.02, read_timeout=0.5, progress=200_000
)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the environment's proxies out of the tests."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def server() -> Iterator[FileServer]:
    with FileServer() as running:
        for path, content in tiny.FILES.items():
            running.contents[f"{tiny.BASE}/{path}"] = content
        yield running


@pytest.fixture
def model(server: FileServer, tmp_path: Path) -> PublishedModel:
    return tiny.catalogue(tmp_path / "tables", server.url).get(tiny.NAME)


@pytest.fixture
def cache(tmp_path: Path) -> ModelCache:
    return ModelCache(tmp_path / "cache")


@pytest.fixture
def policy() -> RetryPolicy:
    """Gives up after two short retries."""
    return QUICK
