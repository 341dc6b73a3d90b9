"""Pulling a whole model from its address, a mirror or a folder."""

import shutil
from pathlib import Path

import pytest

from facewire_server.catalogue.cache import ModelCache
from facewire_server.catalogue.catalogue import Catalogue, PublishedModel
from facewire_server.catalogue.pull import pull, pull_missing
from facewire_server.errors import ModelError
from tests.server.catalogue import tiny
from tests.server.catalogue.file_server import FileServer


def folder_mirror(folder: Path, base: str) -> str:
    for path, content in tiny.FILES.items():
        target = folder / base / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return str(folder)


def test_both_files_are_installed_and_no_partial_file_is_left(
    cache: ModelCache, model: PublishedModel
) -> None:
    path = pull(model, None, cache)
    assert path == cache.folder_of(model, "FP16") / "tiny.xml"
    assert path.read_bytes() == tiny.XML
    assert path.with_suffix(".bin").read_bytes() == tiny.BIN
    assert not list(cache.folder.rglob("*.part"))
    assert cache.find(model, None)[0] == path


def test_another_precision_is_fetched_beside_it(cache: ModelCache, model: PublishedModel) -> None:
    pull(model, "FP16", cache)
    pull(model, "FP16-INT8", cache)
    assert cache.complete(model) == ("FP16", "FP16-INT8")
    assert cache.problem(model, "FP16-INT8") is None


def test_a_complete_model_is_not_fetched_again(
    cache: ModelCache, model: PublishedModel, server: FileServer
) -> None:
    pull(model, None, cache)
    server.requests.clear()
    pull(model, None, cache)
    assert server.requests == []


def test_only_the_damaged_file_is_fetched_again(
    cache: ModelCache, model: PublishedModel, server: FileServer
) -> None:
    path = pull(model, None, cache)
    path.write_bytes(b"<!--" + tiny.XML[4:])
    server.requests.clear()
    pull(model, None, cache)
    assert server.requests == [(f"{tiny.BASE}/FP16/tiny.xml", None)]
    assert path.read_bytes() == tiny.XML


def test_a_mirror_may_have_the_paths_of_the_published_addresses(
    cache: ModelCache, model: PublishedModel, server: FileServer
) -> None:
    server.contents = {f"/base{path}": body for path, body in server.contents.items()}
    pull(model, None, cache, mirror=f"{server.url}/base/")
    assert cache.problem(model, "FP16") is None


def test_a_mirror_may_have_name_precision_and_file(
    cache: ModelCache, model: PublishedModel, server: FileServer
) -> None:
    server.contents = {f"/b/tiny/{path}": body for path, body in tiny.FILES.items()}
    pull(model, None, cache, mirror=f"{server.url}/b")
    assert cache.problem(model, "FP16") is None


@pytest.mark.parametrize("base", [tiny.BASE.lstrip("/"), tiny.NAME])
def test_a_mirror_may_be_a_folder(
    base: str, cache: ModelCache, model: PublishedModel, server: FileServer, tmp_path: Path
) -> None:
    mirror = folder_mirror(tmp_path / "mirror", base)
    pull(model, None, cache, mirror=mirror)
    assert cache.problem(model, "FP16") is None
    assert server.requests == []


def test_a_cache_may_be_a_mirror(
    cache: ModelCache, model: PublishedModel, server: FileServer, tmp_path: Path
) -> None:
    pull(model, None, cache)
    shutil.move(cache.folder / "models", tmp_path / "stick")
    server.contents.clear()
    pull(model, None, cache, mirror=str(tmp_path / "stick"))
    assert cache.problem(model, "FP16") is None


def test_a_folder_without_the_file_is_refused_with_its_paths(
    cache: ModelCache, model: PublishedModel, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=r"tiny.bin is not at .* nor at .*FP16/tiny"):
        pull(model, None, cache, mirror=str(tmp_path))


def test_a_folder_with_another_file_is_refused(
    cache: ModelCache, model: PublishedModel, tmp_path: Path
) -> None:
    mirror = Path(folder_mirror(tmp_path / "mirror", tiny.NAME))
    (mirror / "tiny/FP16/tiny.bin").write_bytes(b"something else")
    with pytest.raises(ModelError, match=r"tiny.bin has 14 bytes instead of 300000"):
        pull(model, None, cache, mirror=str(mirror))


def test_an_unpublished_precision_is_refused(cache: ModelCache, model: PublishedModel) -> None:
    with pytest.raises(ModelError, match="does not come in FP32"):
        pull(model, "FP32", cache)


def test_pull_missing_fetches_only_what_is_missing(
    cache: ModelCache, model: PublishedModel, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Catalogue, "published", lambda: Catalogue({"tiny": model}))
    pull(model, "FP16-INT8", cache)
    server.requests.clear()
    pull_missing("tiny", None, cache)
    pull_missing("somewhere/model.xml", None, cache)
    assert server.requests == []
    pull_missing("tiny", "FP16", cache)
    assert cache.complete(model) == ("FP16", "FP16-INT8")
