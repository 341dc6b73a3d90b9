"""Preprocessed networks: what is cached of them, and when a cached one is not used."""

import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from facewire_server.errors import ModelError
from facewire_server.inference import preprocess as module
from facewire_server.inference.compile_cache import CHECKSUM_SUFFIX, GRAPH, INFO, WEIGHTS
from facewire_server.inference.detector import Detector
from facewire_server.inference.network import Network
from facewire_server.inference.preprocess import PreprocessedNetwork
from facewire_server.inference.runtime import Runtime
from facewire_server.models.source import DATA, EMBEDDED, Source
from tests.server.constant_model import write_constant_model
from tests.server.detected import boxes_of
from tests.server.strangers import as_stranger

ROOT = Path(__file__).parents[3]

BOX = (8.0, 16.0, 24.0, 32.0)
OTHER_BOX = (8.0, 16.0, 24.0, 48.0)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A copy of the embedded model that tests may change."""
    for suffix in (".xml", ".bin"):
        shutil.copy(DATA / EMBEDDED / f"{EMBEDDED}{suffix}", tmp_path / f"own{suffix}")
    return tmp_path / "own.xml"


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    return Runtime(cache=tmp_path / "cache")


def preprocess(model: Path, runtime: Runtime) -> PreprocessedNetwork:
    source = Source.find(str(model))
    return PreprocessedNetwork.load(source, source.read(), runtime)


def load(model: Path, runtime: Runtime) -> Detector:
    return Detector(Source.find(str(model)), runtime)


def folder_of(model: Path, runtime: Runtime) -> Path:
    entry = preprocess(model, runtime).cache_entry
    assert entry is not None
    return entry.folder


def test_a_cached_network_equals_the_built_one(model: Path, runtime: Runtime) -> None:
    assert preprocess(model, runtime) == preprocess(model, runtime)
    assert preprocess(model, runtime).cache_entry is not None


def test_without_a_cache_there_is_no_entry(model: Path) -> None:
    assert preprocess(model, Runtime()).cache_entry is None


def test_every_change_of_a_model_gets_another_folder(model: Path, runtime: Runtime) -> None:
    folders = {folder_of(model, runtime)}
    model.write_text(model.read_text().replace('value="0.55"', 'value="0.6"'))
    assert preprocess(model, runtime).head.min_confidence == 0.6
    folders.add(folder_of(model, runtime))
    weights = model.with_suffix(".bin")
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    folders.add(folder_of(model, runtime))
    model.with_suffix(".toml").write_text('labels = ["a", "b"]')
    relabelled = preprocess(model, runtime)
    folders.add(folder_of(model, runtime))
    assert len(folders) == 4
    assert relabelled == preprocess(model, runtime)
    assert relabelled.head.labels == ("a", "b")


def test_weights_replaced_during_the_build_do_not_get_into_the_cache(
    tmp_path: Path, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = write_constant_model(tmp_path / "m.xml", [(*BOX, 0.9, 0)], {})
    first = model.with_suffix(".bin").read_bytes()
    write_constant_model(tmp_path / "m.xml", [(*OTHER_BOX, 0.9, 0)], {})
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
    """Flip 64 bytes in the middle of a file."""
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    for place in range(middle, middle + 64):
        content[place % len(content)] ^= 0xFF
    path.write_bytes(content)


def replace_by_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("file", [INFO, GRAPH, WEIGHTS, "*.blob", f"{INFO}{CHECKSUM_SUFFIX}"])
@pytest.mark.parametrize("harm", [damage, Path.unlink, replace_by_a_folder])
@pytest.mark.parametrize("without_blobs", [True, False])
def test_a_damaged_file_is_built_again(
    tmp_path: Path,
    runtime: Runtime,
    file: str,
    harm: Callable[[Path], None],
    without_blobs: bool,
) -> None:
    model = write_constant_model(tmp_path / "m.xml", [(*BOX, 0.9, 0)], {})
    first = load(model, runtime).description
    folder = folder_of(model, runtime)
    (path,) = folder.glob(file)
    content = timeless(path.read_bytes())
    harm(path)
    if without_blobs:
        for blob in folder.glob("[0-9]*.blob"):
            if blob.is_file():
                blob.unlink()
    again = load(model, runtime)
    assert again.description == first
    assert boxes_of(again) == [BOX]
    (path,) = folder.glob(file)
    assert timeless(path.read_bytes()) == content


def timeless(content: bytes) -> bytes:
    """Remove from a blob what OpenVINO derives from the graph's modification time."""
    return re.sub(rb'file_info="\d+"', b"", content)


@pytest.mark.parametrize("info", ["{}", "[]", "null", '{"outputs": 1}', "\x00"])
def test_malformed_info_is_built_again(model: Path, runtime: Runtime, info: str) -> None:
    first = load(model, runtime).description
    folder = folder_of(model, runtime)
    (folder / INFO).write_text(info)
    write_checksum(folder / INFO)
    assert load(model, runtime).description == first
    assert (folder / INFO).read_text() != info


def test_settings_of_another_type_are_built_again(model: Path, runtime: Runtime) -> None:
    first = load(model, runtime).description
    path = folder_of(model, runtime) / INFO
    content = path.read_text()
    path.write_text(content[: content.index('"settings"')] + '"settings": []}')
    write_checksum(path)
    assert load(model, runtime).description == first
    assert path.read_text() == content


def write_checksum(path: Path) -> None:
    """Make a changed file match its checksum."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_name(path.name + CHECKSUM_SUFFIX).write_text(f"{digest}  {path.name}\n")


@pytest.mark.parametrize("wrong", [{"device": "CPUU"}, {"properties": {"NOT_A_PROPERTY": "1"}}])
def test_a_wrong_device_or_property_deletes_no_cached_network(
    model: Path, runtime: Runtime, wrong: dict[str, Any]
) -> None:
    load(model, runtime)
    folder = folder_of(model, runtime)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(ModelError):
        load(model, replace(runtime, **wrong))
    # OpenVINO itself deletes a blob that it cannot use with a property.
    own = [path for path in before if path.suffix != ".blob"]
    assert {path: path.read_bytes() for path in own} == {path: before[path] for path in own}
    load(model, runtime)
    assert {path: path.read_bytes() for path in folder.iterdir()}.keys() == before.keys()


def test_a_cache_deleted_during_the_start_only_costs_time(
    model: Path, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load(model, runtime).description
    cached = PreprocessedNetwork.load
    assert runtime.cache is not None
    folder = runtime.cache

    def deleting(*arguments: Any) -> PreprocessedNetwork:
        network = cached(*arguments)
        shutil.rmtree(folder)
        return network

    with monkeypatch.context() as patch:
        patch.setattr(PreprocessedNetwork, "load", deleting)
        assert load(model, runtime).description == first
    assert load(model, runtime).description == first
    assert preprocess(model, runtime).cache_entry is not None


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


@pytest.mark.parametrize("damaged", [None, WEIGHTS, "*.blob"])
def test_a_server_starts_with_a_cache_of_another_user(
    tmp_path: Path, runtime: Runtime, damaged: str | None
) -> None:
    model = write_constant_model(tmp_path / "m.xml", [(*BOX, 0.9, 0)], {})
    load(model, runtime)
    assert runtime.cache is not None
    for path in runtime.cache.rglob(damaged) if damaged else ():
        damage(path)
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
