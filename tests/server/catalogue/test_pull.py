"""A model is fetched whole, from its address, a mirror or a folder, or not at all."""

import shutil
from pathlib import Path

import pytest

from facewire_server.catalogue.cache import Cache
from facewire_server.catalogue.catalogue import Catalogue
from facewire_server.catalogue.entry import Entry
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


def test_both_files_arrive_and_nothing_else_stays(models: Cache, entry: Entry) -> None:
    path = pull(entry, None, models)
    assert path == models.folder_of(entry, "FP16") / "tiny.xml"
    assert path.read_bytes() == tiny.XML
    assert path.with_suffix(".bin").read_bytes() == tiny.BIN
    assert not list(models.folder.rglob("*.part"))
    assert models.find(entry, None)[0] == path


def test_another_precision_is_fetched_beside_it(models: Cache, entry: Entry) -> None:
    pull(entry, "FP16", models)
    pull(entry, "FP16-INT8", models)
    assert models.held(entry) == ("FP16", "FP16-INT8")
    assert models.problem(entry, "FP16-INT8") is None


def test_what_is_there_is_not_fetched_again(
    models: Cache, entry: Entry, server: FileServer
) -> None:
    pull(entry, None, models)
    server.requests.clear()
    pull(entry, None, models)
    assert server.requests == []


def test_only_the_damaged_file_is_fetched_again(
    models: Cache, entry: Entry, server: FileServer
) -> None:
    path = pull(entry, None, models)
    path.write_bytes(b"<!--" + tiny.XML[4:])
    server.requests.clear()
    pull(entry, None, models)
    assert server.requests == [(f"{tiny.BASE}/FP16/tiny.xml", None)]
    assert path.read_bytes() == tiny.XML


def test_a_mirror_has_the_paths_of_the_published_addresses(
    models: Cache, entry: Entry, server: FileServer
) -> None:
    server.contents = {f"/base{path}": body for path, body in server.contents.items()}
    pull(entry, None, models, mirror=f"{server.url}/base/")
    assert models.problem(entry, "FP16") is None


def test_a_mirror_may_have_name_precision_and_file_alone(
    models: Cache, entry: Entry, server: FileServer
) -> None:
    server.contents = {f"/b/tiny/{path}": body for path, body in tiny.FILES.items()}
    pull(entry, None, models, mirror=f"{server.url}/b")
    assert models.problem(entry, "FP16") is None


@pytest.mark.parametrize("base", [tiny.BASE.lstrip("/"), tiny.NAME])
def test_a_folder_is_a_mirror_too(
    base: str, models: Cache, entry: Entry, server: FileServer, tmp_path: Path
) -> None:
    mirror = folder_mirror(tmp_path / "mirror", base)
    pull(entry, None, models, mirror=mirror)
    assert models.problem(entry, "FP16") is None
    assert server.requests == []


def test_a_cache_is_a_mirror_for_another(
    models: Cache, entry: Entry, server: FileServer, tmp_path: Path
) -> None:
    pull(entry, None, models)
    shutil.move(models.folder / "models", tmp_path / "stick")
    server.contents.clear()
    pull(entry, None, models, mirror=str(tmp_path / "stick"))
    assert models.problem(entry, "FP16") is None


def test_a_folder_without_the_file_is_refused_with_where_it_looked(
    models: Cache, entry: Entry, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=r"tiny.bin is not at .* nor at .*FP16/tiny"):
        pull(entry, None, models, mirror=str(tmp_path))


@pytest.mark.parametrize("mirror", ["no/such/folder", "ftp://models.invalid"])
def test_a_mirror_that_is_none_is_refused(mirror: str, models: Cache, entry: Entry) -> None:
    with pytest.raises(ModelError, match=f"--mirror {mirror} is neither"):
        pull(entry, None, models, mirror=mirror)


def test_a_folder_with_another_file_is_refused(models: Cache, entry: Entry, tmp_path: Path) -> None:
    mirror = Path(folder_mirror(tmp_path / "mirror", tiny.NAME))
    (mirror / "tiny/FP16/tiny.bin").write_bytes(b"something else")
    with pytest.raises(ModelError, match=r"tiny.bin has 14 bytes instead of 300000"):
        pull(entry, None, models, mirror=str(mirror))


def test_a_precision_that_there_is_not_is_refused(models: Cache, entry: Entry) -> None:
    with pytest.raises(ModelError, match="does not come in FP32"):
        pull(entry, "FP32", models)


def test_before_serving_only_what_is_missing_is_fetched(
    models: Cache, entry: Entry, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Catalogue, "published", lambda: Catalogue({"tiny": entry}))
    pull(entry, "FP16-INT8", models)
    server.requests.clear()
    pull_missing("tiny", None, models)
    pull_missing("somewhere/model.xml", None, models)
    assert server.requests == []
    pull_missing("tiny", "FP16", models)
    assert models.held(entry) == ("FP16", "FP16-INT8")
