"""What is kept of a model between two starts, and when it no longer counts."""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from facewire_server.errors import ModelError
from facewire_server.inference import prepared as module
from facewire_server.inference.compile_cache import FACTS, GRAPH, SUM, WEIGHTS
from facewire_server.inference.detector import Detector
from facewire_server.inference.network import Network
from facewire_server.inference.prepared import Prepared
from facewire_server.inference.runtime import Runtime
from facewire_server.models.source import DATA, EMBEDDED, Source
from tests.server.constant_model import write_constant_model
from tests.server.detected import boxes_of
from tests.server.strangers import as_stranger

ROOT = Path(__file__).parents[3]

BOX = (8.0, 16.0, 24.0, 32.0)
OTHER = (8.0, 16.0, 24.0, 48.0)


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
    source = Source.find(str(model))
    return Prepared.of(source, source.read(), runtime)


def load(model: Path, runtime: Runtime) -> Detector:
    return Detector(Source.find(str(model)), runtime)


def folder_of(model: Path, runtime: Runtime) -> Path:
    kept = prepare(model, runtime).kept
    assert kept is not None
    return kept.folder


def test_what_is_kept_is_what_was_made(model: Path, runtime: Runtime) -> None:
    assert prepare(model, runtime) == prepare(model, runtime)
    assert prepare(model, runtime).kept is not None


def test_without_a_cache_nothing_is_kept(model: Path) -> None:
    assert prepare(model, Runtime()).kept is None


def test_whatever_changes_a_model_makes_it_another(model: Path, runtime: Runtime) -> None:
    folders = {folder_of(model, runtime)}
    model.write_text(model.read_text().replace('value="0.55"', 'value="0.6"'))
    assert prepare(model, runtime).head.min_confidence == 0.6
    folders.add(folder_of(model, runtime))
    weights = model.with_suffix(".bin")
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    folders.add(folder_of(model, runtime))
    model.with_suffix(".toml").write_text('labels = ["a", "b"]')
    renamed = prepare(model, runtime)
    folders.add(folder_of(model, runtime))
    assert len(folders) == 4
    assert renamed == prepare(model, runtime)
    assert renamed.head.labels == ("a", "b")


def test_weights_that_are_replaced_while_they_are_read_poison_nothing(
    tmp_path: Path, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = write_constant_model(tmp_path / "m.xml", [(*BOX, 0.9, 0)], {})
    first = model.with_suffix(".bin").read_bytes()
    write_constant_model(tmp_path / "m.xml", [(*OTHER, 0.9, 0)], {})
    second = model.with_suffix(".bin").read_bytes()
    model.with_suffix(".bin").write_bytes(first)

    def replaced(*arguments: Any) -> Network:
        model.with_suffix(".bin").write_bytes(second)
        return Network(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(module, "Network", replaced)
        hashed = load(model, runtime).description.sha256
    model.with_suffix(".bin").write_bytes(first)
    again = load(model, runtime)
    assert again.description.sha256 == hashed
    assert boxes_of(again) == [BOX]


def damage(path: Path) -> None:
    """Flips 64 bytes in the middle of a file."""
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    for place in range(middle, middle + 64):
        content[place % len(content)] ^= 0xFF
    path.write_bytes(content)


def replace_by_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("file", [FACTS, GRAPH, WEIGHTS, "*.blob", f"{FACTS}{SUM}"])
@pytest.mark.parametrize("harm", [damage, Path.unlink, replace_by_a_folder])
@pytest.mark.parametrize("without_compiled", [True, False])
def test_what_is_damaged_is_made_again(
    tmp_path: Path,
    runtime: Runtime,
    file: str,
    harm: Callable[[Path], None],
    without_compiled: bool,
) -> None:
    model = write_constant_model(tmp_path / "m.xml", [(*BOX, 0.9, 0)], {})
    first = load(model, runtime).description
    folder = folder_of(model, runtime)
    (path,) = folder.glob(file)
    content = path.read_bytes()
    harm(path)
    if without_compiled:
        for compiled in folder.glob("[0-9]*.blob"):
            if compiled.is_file():
                compiled.unlink()
    again = load(model, runtime)
    assert again.description == first
    assert boxes_of(again) == [BOX]
    (path,) = folder.glob(file)
    assert path.read_bytes() == content


@pytest.mark.parametrize("facts", ["{}", "[]", "null", '{"outputs": 1}', "\x00"])
def test_facts_that_make_no_sense_are_made_again(model: Path, runtime: Runtime, facts: str) -> None:
    first = load(model, runtime).description
    folder = folder_of(model, runtime)
    (folder / FACTS).write_text(facts)
    seal(folder / FACTS)
    assert load(model, runtime).description == first
    assert (folder / FACTS).read_text() != facts


def test_settings_of_another_kind_are_made_again(model: Path, runtime: Runtime) -> None:
    first = load(model, runtime).description
    path = folder_of(model, runtime) / FACTS
    content = path.read_text()
    path.write_text(content[: content.index('"settings"')] + '"settings": []}')
    seal(path)
    assert load(model, runtime).description == first
    assert path.read_text() == content


def seal(path: Path) -> None:
    """Has a file pass for what was written."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_name(path.name + SUM).write_text(f"{digest}  {path.name}\n")


@pytest.mark.parametrize("wrong", [{"device": "CPUU"}, {"properties": {"NOT_A_PROPERTY": "1"}}])
def test_a_device_or_a_property_that_is_wrong_costs_no_network_that_is_kept(
    model: Path, runtime: Runtime, wrong: dict[str, Any]
) -> None:
    load(model, runtime)
    folder = folder_of(model, runtime)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(ModelError):
        load(model, replace(runtime, **wrong))
    # OpenVINO itself deletes a compiled form that it cannot use with a property.
    kept = [path for path in before if path.suffix != ".blob"]
    assert {path: path.read_bytes() for path in kept} == {path: before[path] for path in kept}
    load(model, runtime)
    assert {path: path.read_bytes() for path in folder.iterdir()}.keys() == before.keys()


def test_a_folder_that_vanishes_during_the_start_costs_only_time(
    model: Path, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load(model, runtime).description
    of = Prepared.of
    assert runtime.cache is not None
    folder = runtime.cache

    def vanishing(*arguments: Any) -> Prepared:
        prepared = of(*arguments)
        shutil.rmtree(folder)
        return prepared

    with monkeypatch.context() as patch:
        patch.setattr(Prepared, "of", vanishing)
        assert load(model, runtime).description == first
    assert load(model, runtime).description == first
    assert prepare(model, runtime).kept is not None


def writable_by_nobody(folder: Path) -> None:
    """A cache that was filled beforehand, of another user."""


def damaged_and_not_to_be_deleted(folder: Path) -> None:
    for path in folder.rglob("network.bin"):
        damage(path)


def compiled_form_damaged_and_not_to_be_deleted(folder: Path) -> None:
    for path in folder.rglob("*.blob"):
        damage(path)


CODE = """
import sys
from pathlib import Path
from facewire_server.inference.detector import Detector
from facewire_server.inference.runtime import Runtime
from facewire_server.models.source import Source
from tests.server.detected import boxes_of
detector = Detector(Source.find(sys.argv[1]), Runtime(cache=Path(sys.argv[2])))
print(boxes_of(detector))
"""


@pytest.mark.parametrize(
    "of_others",
    [
        writable_by_nobody,
        damaged_and_not_to_be_deleted,
        compiled_form_damaged_and_not_to_be_deleted,
    ],
)
def test_files_of_another_user_in_the_cache_never_keep_a_server_from_its_model(
    tmp_path: Path, runtime: Runtime, of_others: Callable[[Path], None]
) -> None:
    model = write_constant_model(tmp_path / "m.xml", [(*BOX, 0.9, 0)], {})
    load(model, runtime)
    assert runtime.cache is not None
    of_others(runtime.cache)
    command = [sys.executable, "-c", CODE, str(model), str(runtime.cache)]
    done = subprocess.run(
        as_stranger(command),
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
    )
    assert done.stdout == f"{[BOX]}\n", done.stderr
