"""What the cache keeps of networks, and what it deletes."""

import os
import time
from pathlib import Path

import pytest

from facewire_server.inference.compile_cache import (
    FRESH,
    MAX_BLOBS,
    MAX_DAYS,
    MAX_NETWORKS,
    CompileCache,
    key_of,
)
from facewire_server.inference.network import Network
from facewire_server.models.source import EMBEDDED, Source

DAY = 86_400


@pytest.fixture
def cache(tmp_path: Path) -> CompileCache:
    return CompileCache(tmp_path / "compiled")


@pytest.fixture(scope="module")
def network() -> Network:
    return Network(Source.find(EMBEDDED).read())


def aged(folder: Path, days: float) -> Path:
    folder.mkdir(parents=True)
    (folder / "network.xml").write_text("old")
    written = time.time() - days * DAY
    os.utime(folder, (written, written))
    return folder


def test_what_was_stored_is_loaded(cache: CompileCache, network: Network) -> None:
    key = key_of(["a"])
    assert cache.load(key) is None
    stored = cache.store(key, network.model, {"fact": 1})
    assert stored is not None
    assert stored.facts == {"fact": 1}
    assert stored.graph.is_file()
    assert cache.load(key) == stored


def test_the_least_recently_used_networks_are_deleted(
    cache: CompileCache, network: Network, tmp_path: Path
) -> None:
    folders = [
        aged(tmp_path / "compiled" / key_of([number]), number) for number in range(MAX_NETWORKS + 3)
    ]
    stored = cache.store(key_of(["new"]), network.model, {})
    assert stored is not None
    kept = {*folders[: MAX_NETWORKS - 1], stored.folder}
    assert set((tmp_path / "compiled").iterdir()) == kept


def test_what_was_not_used_for_long_is_deleted_and_what_a_start_uses_is_young(
    cache: CompileCache, network: Network, tmp_path: Path
) -> None:
    used = cache.store(key_of(["used"]), network.model, {})
    assert used is not None
    old = time.time() - (MAX_DAYS + 1) * DAY
    os.utime(used.folder, (old, old))
    unused = aged(tmp_path / "compiled" / key_of(["unused"]), MAX_DAYS + 1)
    unfinished = aged(tmp_path / "compiled" / f"{FRESH}abc", MAX_DAYS + 1)
    assert cache.load(key_of(["used"])) == used
    cache.store(key_of(["new"]), network.model, {})
    assert used.folder.is_dir()
    assert not unused.exists()
    assert not unfinished.exists()


def test_nothing_is_deleted_but_networks(
    cache: CompileCache, network: Network, tmp_path: Path
) -> None:
    others = [
        aged(tmp_path / "compiled" / "photos", MAX_DAYS + 1),
        aged(tmp_path / "models" / key_of(["a"]), MAX_DAYS + 1),
    ]
    cache.store(key_of(["new"]), network.model, {})
    assert all(folder.is_dir() for folder in others)


def test_no_more_compiled_forms_of_a_network_are_kept_than_some(
    cache: CompileCache, network: Network
) -> None:
    kept = cache.store(key_of(["a"]), network.model, {})
    assert kept is not None
    for number in range(MAX_BLOBS + 3):
        blob = kept.folder / f"{number}.blob"
        blob.write_bytes(b"compiled")
        os.utime(blob, (number, number))
    kept.seal()
    left = {blob.stem for blob in kept.folder.glob("*.blob")}
    assert left == {str(number) for number in range(3, MAX_BLOBS + 3)}
    assert cache.load(key_of(["a"])) == kept
    assert {blob.stem for blob in kept.folder.glob("*.blob")} == left


def test_a_compiled_form_that_nobody_has_sealed_is_not_used(
    cache: CompileCache, network: Network
) -> None:
    kept = cache.store(key_of(["a"]), network.model, {})
    assert kept is not None
    blob = kept.folder / "1.blob"
    blob.write_bytes(b"half of i")
    assert cache.load(key_of(["a"])) == kept
    assert not blob.exists()


def test_a_compiled_form_that_was_replaced_is_sealed_again(
    cache: CompileCache, network: Network
) -> None:
    kept = cache.store(key_of(["a"]), network.model, {})
    assert kept is not None
    blob = kept.folder / "1.blob"
    for number, content in enumerate((b"one", b"another")):
        blob.write_bytes(content)
        future = time.time() + 100 * number
        os.utime(blob, (future, future))
        kept.seal()
    assert cache.load(key_of(["a"])) == kept
    assert blob.read_bytes() == b"another"


def test_another_process_that_was_faster_is_left_in_peace(
    cache: CompileCache, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = cache.store(key_of(["a"]), network.model, {"by": "the first"})
    assert first is not None
    second = cache.store(key_of(["a"]), network.model, {"by": "the second"})
    assert second == first
