"""Where a model is found, its name, and which of its settings wins."""

import hashlib
import shutil
from pathlib import Path

import pytest

from facewire_server.catalogue.catalogue import Catalogue
from facewire_server.errors import ModelError
from facewire_server.models.source import DATA, EMBEDDED, Source, name_of
from tests.server.catalogue import tiny
from tests.server.onnx_writer import write_onnx


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with the tiny model, which is the only one in the catalogue."""
    catalogue = tiny.catalogue(tmp_path / "tables", "http://models.invalid")
    monkeypatch.setattr(Catalogue, "published", lambda: catalogue)
    for path, content in tiny.FILES.items():
        file = tmp_path / "cache" / "models" / tiny.NAME / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return tmp_path / "cache"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model that the catalogue does not have."""
    path = tmp_path / "own.xml"
    shutil.copy(DATA / EMBEDDED / f"{EMBEDDED}.xml", path)
    shutil.copy(DATA / EMBEDDED / f"{EMBEDDED}.bin", path.with_suffix(".bin"))
    return path


def test_the_embedded_model_is_found_by_its_name() -> None:
    source = Source.find(EMBEDDED)
    assert source.name == EMBEDDED
    assert source.read().sha256 == hashlib.sha256(source.weights.read_bytes()).hexdigest()


def test_a_model_at_a_path_is_named_after_its_file(model: Path) -> None:
    assert Source.find(str(model)).name == "own"


def test_the_sidecar_names_the_model(model: Path) -> None:
    model.with_suffix(".toml").write_text('name = "masks"')
    assert Source.find(str(model)).name == "masks"


def test_an_ir_without_its_weights_is_refused(model: Path) -> None:
    model.with_suffix(".bin").unlink()
    with pytest.raises(ModelError, match=r"there is no file .*own.bin"):
        Source.find(str(model))


def test_a_published_model_is_found_in_the_cache(models: Path) -> None:
    source = Source.find(tiny.NAME, cache=models)
    assert (source.name, source.precision) == (tiny.NAME, "FP16")
    assert source.path.read_bytes() == tiny.XML
    assert source.weights.read_bytes() == tiny.BIN
    assert Source.find(tiny.NAME, precision="FP16-INT8", cache=models).weights != source.weights


def test_a_published_model_that_was_changed_is_refused(models: Path) -> None:
    source = Source.find(tiny.NAME, cache=models)
    source.weights.write_bytes(tiny.BIN[::-1])
    with pytest.raises(ModelError, match=r"SHA-384.*to mend it, type: .* pull tiny"):
        Source.find(tiny.NAME, cache=models)
    with pytest.raises(ModelError, match="to mend it"):
        source.again()


def test_again_reads_the_sidecar_as_it_is_now(model: Path, models: Path) -> None:
    published = Source.find(tiny.NAME, precision="FP16-INT8", cache=models)
    assert published.again() == published
    own = Source.find(str(model))
    model.with_suffix(".toml").write_text("pad_value = 7")
    assert own.again().sidecar.metadata == {"pad_value": "7"}


def test_the_sidecar_overrides_the_metadata_which_overrides_the_catalogue(
    models: Path,
) -> None:
    source = Source.find(tiny.NAME, cache=models)
    assert source.settings({}) == {"labels": "background face"}
    metadata = {"labels": "a b", "pad_value": "1"}
    assert source.settings(metadata) == metadata
    source.path.with_suffix(".toml").write_text('labels = ["c d"]')
    assert source.again().settings(metadata) == {"labels": ("c d",), "pad_value": "1"}


def test_the_sidecar_says_which_order_of_channels_whatever_the_exporter(model: Path) -> None:
    metadata = {"otx_version": "2.6.0", "reverse_input_channels": "False"}
    assert Source.find(str(model)).settings(metadata) == {"reverse_input_channels": "True"}
    model.with_suffix(".toml").write_text("reverse_input_channels = false")
    assert Source.find(str(model)).settings(metadata) == {"reverse_input_channels": "False"}


def test_ignored_keys_are_taken_for_absent(model: Path) -> None:
    metadata = {"interpolation_mode": "CUBIC", "pad_value": "3", "labels": "a"}
    with pytest.raises(ModelError, match=f"{model}: metadata interpolation_mode"):
        Source.find(str(model)).settings(metadata)
    model.with_suffix(".toml").write_text('ignored_keys = ["interpolation_mode", "pad_value"]')
    assert Source.find(str(model)).settings(metadata) == {"labels": "a"}


def test_a_missing_file_is_a_model_error(tmp_path: Path) -> None:
    path = tmp_path / "own.onnx"
    path.write_bytes(b"here for now")
    source = Source.find(str(path))
    path.unlink()
    with pytest.raises(ModelError, match="own.onnx cannot be read"):
        source.read()


def test_the_files_of_a_model_are_those_that_it_names_now(model: Path, tmp_path: Path) -> None:
    files = (model, model.with_suffix(".toml"), model.with_suffix(".bin"))
    assert Source.find(str(model)).files() == files
    onnx = tmp_path / "m.onnx"
    source = Source.find(str(write_onnx(onnx, [], "first.data")))
    beside = (onnx, tmp_path / "m.toml")
    assert source.files() == (*beside, tmp_path / "first.data")
    write_onnx(onnx, [], "another.data")
    assert source.files() == (*beside, tmp_path / "another.data")
    write_onnx(onnx, [])
    assert source.files() == beside


def test_files_that_cannot_be_listed_are_none(tmp_path: Path) -> None:
    path = write_onnx(tmp_path / "m.onnx", [], "w.data")
    source = Source.find(str(path))
    path.write_bytes(path.read_bytes().replace(b"w.data", b"../w.d"))
    assert source.files() == (path, tmp_path / "m.toml")
    path.unlink()
    assert source.files() == (path, tmp_path / "m.toml")


@pytest.mark.parametrize("precision", [None, "FP16-INT8"])
@pytest.mark.parametrize("sidecar", ["", 'name = "masks"'])
def test_name_of_a_published_model_is_the_name_it_is_found_by(
    models: Path, precision: str | None, sidecar: str
) -> None:
    found = Source.find(tiny.NAME, precision=precision, cache=models)
    found.path.with_suffix(".toml").write_text(sidecar)
    name = Source.find(tiny.NAME, precision=precision, cache=models).name
    assert name == ("masks" if sidecar else tiny.NAME)
    assert name_of(tiny.NAME, precision=precision, cache=models) == name


def test_name_of_a_model_at_a_path_is_the_name_it_is_found_by(model: Path) -> None:
    assert name_of(str(model)) == "own"
    model.with_suffix(".toml").write_text('name = "masks"')
    assert name_of(str(model)) == "masks"


def test_name_of_a_published_model_needs_no_files(tmp_path: Path) -> None:
    assert name_of("yunet-640", cache=tmp_path) == "yunet-640"
    assert name_of(EMBEDDED, cache=tmp_path) == EMBEDDED
