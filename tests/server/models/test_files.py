"""A model's files are read once, and told from all others."""

import hashlib
import shutil
from pathlib import Path

import pytest

from facewire_server.errors import ModelError
from facewire_server.inference.detector import Detector
from facewire_server.inference.network import Network
from facewire_server.inference.runtime import Runtime
from facewire_server.models.files import ModelFiles
from facewire_server.models.source import DATA, EMBEDDED, Source
from tests.server.detected import boxes_of
from tests.server.onnx_writer import field, write_onnx

BOX = (8.0, 16.0, 24.0, 32.0)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A copy of the embedded model that may be changed."""
    for suffix in (".xml", ".bin"):
        shutil.copy(DATA / EMBEDDED / f"{EMBEDDED}{suffix}", tmp_path / f"own{suffix}")
    return tmp_path / "own.xml"


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    """An ONNX file whose weights lie beside it."""
    return write_onnx(tmp_path / "m.onnx", [(*BOX, 0.9)], "w.data")


def test_the_hash_is_that_of_the_weights_file(model: Path, beside: Path) -> None:
    for path, weights in ((model, "own.bin"), (beside, "w.data")):
        content = (path.parent / weights).read_bytes()
        assert ModelFiles.read(path).sha256 == hashlib.sha256(content).hexdigest()


def test_a_change_of_any_file_shows(model: Path, beside: Path) -> None:
    seen = []
    for path, weights in ((model, "own.bin"), (beside, "w.data")):
        for file in (path, path.parent / weights):
            seen.append(ModelFiles.read(path).fingerprint)
            file.write_bytes(file.read_bytes() + field(20, b""))
        seen.append(ModelFiles.read(path).fingerprint)
    assert len(set(map(str, seen))) == 6


def test_a_copy_elsewhere_is_the_same(model: Path, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    for suffix in (".xml", ".bin"):
        shutil.copy(model.with_suffix(suffix), tmp_path / "copy" / f"b{suffix}")
    copy = ModelFiles.read(tmp_path / "copy" / "b.xml")
    assert copy.fingerprint == ModelFiles.read(model).fingerprint


def test_a_network_is_made_of_what_was_read(model: Path, beside: Path) -> None:
    for path in (model, beside):
        files = ModelFiles.read(path)
        for name in (path.name, *files.weights):
            (path.parent / name).write_bytes(b"")
        assert Network(files).outputs


def test_weights_beside_an_onnx_file_are_served_wherever_the_server_runs(
    beside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    runtime = Runtime(cache=tmp_path / "cache")
    assert boxes_of(Detector(Source.find(str(beside)), runtime)) == [BOX]
    moved = (*BOX[:3], 48.0)
    write_onnx(beside, [(*moved, 0.9)], "w.data")
    assert boxes_of(Detector(Source.find(str(beside)), runtime)) == [moved]


@pytest.mark.parametrize("name", ["/etc/hostname", "../w.data", "a/../../w.data"])
def test_weights_outside_of_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    tensor = field(13, field(1, b"location") + field(2, name.encode()))
    path = tmp_path / "m.onnx"
    path.write_bytes(field(7, field(5, tensor)))
    with pytest.raises(ModelError, match="from outside of its folder"):
        ModelFiles.read(path)


def test_a_file_that_goes_away_is_an_error_of_the_model(model: Path, beside: Path) -> None:
    for path, weights in ((model, "own.bin"), (beside, "w.data")):
        (path.parent / weights).unlink()
        with pytest.raises(ModelError, match=rf"{weights} cannot be read: No such"):
            ModelFiles.read(path)
