"""`facewire-server models`: its tables, its JSON documents and its errors."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from facewire_server.catalogue.catalogue import Catalogue
from facewire_server.cli.models import models as group
from facewire_server.errors import ModelError
from facewire_server.models.source import DATA, EMBEDDED
from tests.server.catalogue import tiny

NANO = DATA / EMBEDDED / EMBEDDED
PUBLISHED = Catalogue.published().get(EMBEDDED)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with `mirror`; the embedded network is published as `tiny` alone."""
    files = {
        f"FP16/tiny.{suffix}": NANO.with_suffix(f".{suffix}").read_bytes()
        for suffix in ("xml", "bin")
    }
    for path, content in files.items():
        target = tmp_path / "mirror" / tiny.NAME / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    tables = tiny.write(tmp_path / "tables", "http://models.invalid", files)
    catalogue = Catalogue.read(tables)
    monkeypatch.setattr(Catalogue, "published", lambda: catalogue)
    monkeypatch.setenv("FACEWIRE_CACHE", str(tmp_path / "cache"))
    return tmp_path


def models(*arguments: str) -> Result:
    """Run the command; raises the ModelError that it raises."""
    result = CliRunner().invoke(group, arguments)
    if isinstance(result.exception, ModelError):
        raise result.exception
    return result


def document(*arguments: str) -> Any:
    return json.loads(models(*arguments, "--json").stdout)


def pull(home: Path, *arguments: str) -> Result:
    return models("pull", "tiny", "--mirror", str(home / "mirror"), *arguments)


def test_the_list_has_every_model_in_a_line() -> None:
    lines = models("list").stdout.splitlines()
    (line,) = (line for line in lines if line.startswith("face-detection-0206"))
    cells = "640x640", "94.27", "339.602", "69.920", "FP16", "FP32", "FP16-INT8"
    assert line.split()[1:] == list(cells)
    (line,) = (line for line in lines if line.startswith(EMBEDDED))
    assert line.endswith("facewire itself; the default")


def test_the_list_is_one_document_for_scripts() -> None:
    listed = {model["name"]: model for model in document("list")}
    assert [name for name in listed if listed[name]["default"]] == [EMBEDDED]
    assert listed["yunet-640"]["ap"] is None
    large = listed["face-detection-0206"]
    assert (large["input_width"], large["ap"], large["cached"]) == (640, 94.27, [])
    assert large["precisions"] == ["FP16", "FP32", "FP16-INT8"]


def test_pulled_models_are_marked_in_the_list(home: Path) -> None:
    assert "FP16*" not in models("list").stdout
    assert pull(home).exit_code == 0
    assert "FP16*" in models("list").stdout
    assert document("list")[0]["cached"] == ["FP16"]


def test_a_pull_prints_the_folder_of_the_model(home: Path) -> None:
    result = pull(home)
    folder = home / "cache/models/tiny/FP16"
    size = sum(NANO.with_suffix(suffix).stat().st_size for suffix in (".xml", ".bin"))
    assert result.stdout == f"tiny FP16, {size / 1e6:.1f} MB, checked, is in {folder}\n"
    assert result.stderr == ""


def test_a_cache_may_be_given(home: Path) -> None:
    pull(home, "--cache", str(home / "other"))
    assert (home / "other/models/tiny/FP16/tiny.xml").is_file()
    assert not (home / "cache").exists()


def test_the_embedded_model_needs_no_pull() -> None:
    result = models("pull", EMBEDDED)
    assert result.exit_code == 0
    assert "nothing to pull" in result.stdout


def test_an_unknown_precision_is_wrong_usage() -> None:
    result = models("pull", "face-detection-0206", "--precision", "FP8")
    assert result.exit_code == 2
    assert "'FP8' is not one of" in result.stderr


@pytest.mark.parametrize("command", ["info", "pull", "verify"])
def test_a_misspelt_model_is_refused_with_a_similar_name(command: str) -> None:
    with pytest.raises(ModelError, match="did you mean face-detection-0206"):
        models(command, "face-detection-206")


def test_the_embedded_model_is_described() -> None:
    described = document("info", EMBEDDED)
    assert described["head"] == "ATSS raw"
    assert described["labels"] == ["face"]
    size = PUBLISHED.width, PUBLISHED.height
    assert (described["input_width"], described["input_height"]) == size


def test_a_pulled_model_is_described_by_its_name(home: Path) -> None:
    pull(home)
    described = document("info", "tiny")
    assert (described["name"], described["file_precision"]) == ("tiny", "FP16")
    assert described["path"] == str(home / "cache/models/tiny/FP16/tiny.xml")
    # What the file says goes over the catalogue's "background face".
    assert described["labels"] == ["face"]


def test_a_model_that_was_not_pulled_is_not_described(home: Path) -> None:
    with pytest.raises(ModelError, match="type: facewire-server models pull tiny"):
        models("info", "tiny")


def test_a_description_has_the_cost_and_how_images_are_prepared(home: Path) -> None:
    pull(home)
    toml = home / "cache/models/tiny/FP16/tiny.toml"
    toml.write_text('name = "mine"\nmean_values = [1.5, 2, 3]\npad_value = 9')
    table = {row[:16].strip(): row[16:] for row in models("info", "tiny").stdout.splitlines()}
    assert table["name"] == "mine (sidecar)"
    assert table["input"] == "416x416 (network)"
    assert table["mean"] == "1.5 2 3 (sidecar)"
    assert table["scale"] == "none (default)"
    assert table["padding"] == "9 (sidecar)"
    assert table["channels"] == "BGR (metadata)"
    assert table["labels"] == "face (metadata)"
    assert table["tiles"] == "none (default)"
    assert table["not read"] == "nothing"
    assert table["parameters"] == f"{PUBLISHED.mparams:.3f} million"
    assert table["GFLOPs"] == f"{PUBLISHED.gflops:.3f}"
    assert table["set beside it"] == str(toml)
    assert table["precision"].endswith("(files: FP16)")


def test_a_pulled_model_can_be_checked_again(home: Path) -> None:
    pull(home)
    assert models("verify", "tiny").stdout == "tiny FP16: as published\n"


def test_a_damaged_model_is_reported_with_the_command_that_repairs_it(home: Path) -> None:
    pull(home)
    (home / "cache/models/tiny/FP16/tiny.bin").write_bytes(b"")
    with pytest.raises(ModelError, match=r"mend.*type: facewire-server.* pull tiny"):
        models("verify", "tiny")
    pull(home)
    assert models("verify", "tiny").exit_code == 0


def test_a_missing_model_fails_the_check(home: Path) -> None:
    with pytest.raises(ModelError, match="to fetch it, type"):
        models("verify", "tiny")


@pytest.mark.parametrize("model", [EMBEDDED, f"{NANO}.xml"])
def test_a_model_that_is_not_in_the_cache_is_read_and_its_hash_shown(
    model: str,
) -> None:
    said = models("verify", model).stdout
    assert said.startswith(f"{NANO}.xml can be read; SHA-256 of its weights ")


def test_an_unreadable_file_fails_the_check(tmp_path: Path) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"no model at all")
    with pytest.raises(ModelError, match=r"broken.onnx cannot be read"):
        models("verify", str(path))
