"""The files of a model: read once, hashed, and with external data where ONNX names some."""

import errno
import hashlib
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facewire_server.errors import ModelError
from facewire_server.inference.detector import Detector
from facewire_server.inference.network import Network
from facewire_server.inference.runtime import Runtime
from facewire_server.models.files import ModelFiles, external_data, weight_files
from facewire_server.models.source import DATA, EMBEDDED, Source
from facewire_server.system.file_watch import fingerprint
from tests.server.detected import boxes_of
from tests.server.onnx_writer import field, write_onnx

BOX = (8.0, 16.0, 24.0, 32.0)
EXTERNAL_DATA = field(1, b"location") + field(2, b"w.data")
TENSOR = field(8, b"name") + field(13, EXTERNAL_DATA)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A copy of the embedded model that tests may change."""
    for suffix in (".xml", ".bin"):
        shutil.copy(DATA / EMBEDDED / f"{EMBEDDED}{suffix}", tmp_path / f"own{suffix}")
    return tmp_path / "own.xml"


@pytest.fixture
def onnx(tmp_path: Path) -> Path:
    """An ONNX file with external data beside it."""
    return write_onnx(tmp_path / "m.onnx", [(*BOX, 0.9)], "w.data")


def test_the_hash_is_that_of_the_files_with_weights(model: Path, onnx: Path) -> None:
    for path, files in ((model, ["own.bin"]), (onnx, ["m.onnx", "w.data"])):
        content = b"".join((path.parent / file).read_bytes() for file in files)
        assert ModelFiles.read(path).sha256 == hashlib.sha256(content).hexdigest()


def test_a_change_of_any_file_changes_the_fingerprint(model: Path, onnx: Path) -> None:
    seen = []
    for path, weights in ((model, "own.bin"), (onnx, "w.data")):
        for file in (path, path.parent / weights):
            seen.append(ModelFiles.read(path).fingerprint)
            file.write_bytes(file.read_bytes() + field(20, b""))
        seen.append(ModelFiles.read(path).fingerprint)
    assert len(set(map(str, seen))) == 6


def test_a_copy_elsewhere_has_the_same_fingerprint(model: Path, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    for suffix in (".xml", ".bin"):
        shutil.copy(model.with_suffix(suffix), tmp_path / "copy" / f"b{suffix}")
    copy = ModelFiles.read(tmp_path / "copy" / "b.xml")
    assert copy.fingerprint == ModelFiles.read(model).fingerprint


def test_a_network_is_built_from_the_bytes_that_were_read(model: Path, onnx: Path) -> None:
    for path in (model, onnx):
        files = ModelFiles.read(path)
        for name in (path.name, *files.weights):
            (path.parent / name).write_bytes(b"")
        assert Network(files).outputs


def test_external_data_is_found_from_any_working_directory(
    onnx: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    runtime = Runtime(cache=tmp_path / "cache")
    assert boxes_of(Detector(Source.find(str(onnx)), runtime)) == [BOX]
    moved = (*BOX[:3], 48.0)
    write_onnx(onnx, [(*moved, 0.9)], "w.data")
    assert boxes_of(Detector(Source.find(str(onnx)), runtime)) == [moved]


@pytest.mark.parametrize("name", ["/etc/hostname", "../w.data", "a/../../w.data", "w\0.data"])
def test_external_data_outside_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    tensor = field(13, field(1, b"location") + field(2, name.encode()))
    path = tmp_path / "m.onnx"
    path.write_bytes(field(7, field(5, tensor)))
    with pytest.raises(ModelError, match="from outside of its folder"):
        ModelFiles.read(path)


def test_links_are_followed_out_of_the_folder(onnx: Path, tmp_path: Path) -> None:
    snapshot, blobs = tmp_path / "snapshot", tmp_path / "blobs"
    for folder in (snapshot, blobs):
        folder.mkdir()
    for number, file in enumerate((onnx, tmp_path / "w.data")):
        file.rename(blobs / str(number))
        (snapshot / file.name).symlink_to(blobs / str(number))
    assert boxes_of(Detector(Source.find(str(snapshot / "m.onnx")), Runtime())) == [BOX]


def test_a_missing_file_is_a_model_error(model: Path, onnx: Path) -> None:
    for path, weights in ((model, "own.bin"), (onnx, "w.data")):
        (path.parent / weights).unlink()
        with pytest.raises(ModelError, match=rf"{weights} cannot be read: No such"):
            ModelFiles.read(path)


@pytest.mark.parametrize(
    "fields",
    [
        (7, 5),  # an initializer
        (7, 15, 1),  # a sparse initializer
        (7, 1, 5, 5),  # an attribute of a node
        (7, 1, 5, 6, 5),  # an initializer of a graph in an attribute
        (7, 1, 5, 11, 1, 5, 10),  # a tensor in a list, in a graph in a list
        (25, 7, 5, 5),  # a function
    ],
)
def test_external_data_is_found_in_every_kind_of_tensor(fields: tuple[int, ...]) -> None:
    message = TENSOR
    for number in reversed(fields):
        message = field(3, b"other") + field(number, message)
    assert external_data(message) == ("w.data",)


def test_a_model_with_its_weights_inside_has_no_external_data() -> None:
    assert external_data(field(7, field(5, field(9, b"\x00" * 64)))) == ()


def test_files_that_could_not_be_listed_are_listed_when_they_can_be(
    onnx: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Path) -> bytes:
        raise OSError(errno.EMFILE, "Too many open files")

    version = fingerprint(onnx)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_bytes", fail)
        assert weight_files(onnx, version) == ()
    assert weight_files(onnx, version) == (onnx.parent / "w.data",)


def test_each_file_of_external_data_is_listed_once(onnx: Path) -> None:
    assert external_data(onnx.read_bytes() * 2) == ("w.data",)


@given(st.binary(max_size=200))
def test_bytes_that_are_no_onnx_model_never_fail(data: bytes) -> None:
    external_data(data)
    external_data(field(7, field(5, field(13, data))))
