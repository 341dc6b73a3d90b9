"""What is kept of a model between two starts, and when it no longer counts."""

import shutil
from pathlib import Path

import pytest

from facewire_server.detector import Detector
from facewire_server.model.prepared import FACTS, GRAPH, Prepared
from facewire_server.model.runtime import Runtime
from facewire_server.model.source import DATA, EMBEDDED, Source


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A copy of the embedded model that may be changed."""
    for suffix in (".xml", ".bin"):
        shutil.copy(DATA / EMBEDDED / f"{EMBEDDED}{suffix}", tmp_path / f"own{suffix}")
    return tmp_path / "own.xml"


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    return Runtime(cache=tmp_path / "cache")


def prepare(model: Path, runtime: Runtime) -> Prepared:
    return Prepared.of(Source.find(str(model)), runtime)


def test_what_is_kept_is_what_was_made(model: Path, runtime: Runtime) -> None:
    assert prepare(model, runtime) == prepare(model, runtime)
    assert prepare(model, runtime).is_kept


def test_without_a_cache_nothing_is_kept(model: Path) -> None:
    prepared = prepare(model, Runtime())
    assert not prepared.is_kept
    assert prepared.folder is None


def test_whatever_changes_a_model_makes_it_another(
    model: Path, runtime: Runtime
) -> None:
    folders = {prepare(model, runtime).folder}
    model.write_text(model.read_text().replace('value="0.55"', 'value="0.6"'))
    changed = prepare(model, runtime)
    assert changed.head.min_confidence == 0.6
    folders.add(changed.folder)
    weights = model.with_suffix(".bin")
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    folders.add(prepare(model, runtime).folder)
    model.with_suffix(".toml").write_text('labels = ["a", "b"]')
    renamed = prepare(model, runtime)
    folders.add(renamed.folder)
    assert len(folders) == 4
    assert renamed == prepare(model, runtime)
    assert renamed.head.labels == ("a", "b")


@pytest.mark.parametrize("file", [FACTS, GRAPH])
def test_what_is_damaged_is_made_again(
    model: Path, runtime: Runtime, file: str
) -> None:
    first = Detector(Source.find(str(model)), runtime).description
    folder = prepare(model, runtime).folder
    assert folder is not None
    for compiled in folder.glob("*.blob"):
        compiled.unlink()
    (folder / file).write_text("{")
    assert Detector(Source.find(str(model)), runtime).description == first
    assert prepare(model, runtime).is_kept
    assert (folder / file).read_text() != "{"
