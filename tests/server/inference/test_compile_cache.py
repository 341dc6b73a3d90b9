"""The compile cache: what it stores, what it deletes, what it refuses to use."""

import os
import time
from pathlib import Path

import pytest

from facewire_server.inference.compile_cache import (
    MAX_BLOBS,
    MAX_DAYS,
    MAX_NETWORKS,
    TEMPORARY_PREFIX,
    CompileCache,
    cache_key,
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


def test_a_stored_network_is_loaded(cache: CompileCache, network: Network) -> None:
    key = cache_key(["a"])
    assert cache.load(key) is None
    stored = cache.store(key, network.model, {"key": 1})
    assert stored is not None
    assert stored.info == {"key": 1}
    assert stored.graph.is_file()
    assert cache.load(key) == stored


def test_the_least_recently_used_networks_are_deleted(
    cache: CompileCache, network: Network, tmp_path: Path
) -> None:
    folders = [
        aged(tmp_path / "compiled" / cache_key([number]), number)
        for number in range(MAX_NETWORKS + 3)
    ]
    stored = cache.store(cache_key(["new"]), network.model, {})
    assert stored is not None
    remaining = {*folders[: MAX_NETWORKS - 1], stored.folder}
    assert set((tmp_path / "compiled").iterdir()) == remaining


def test_expired_networks_are_deleted_and_a_load_renews_one(
    cache: CompileCache, network: Network, tmp_path: Path
) -> None:
    used = cache.store(cache_key(["used"]), network.model, {})
    assert used is not None
    old = time.time() - (MAX_DAYS + 1) * DAY
    os.utime(used.folder, (old, old))
    unused = aged(tmp_path / "compiled" / cache_key(["unused"]), MAX_DAYS + 1)
    unfinished = aged(tmp_path / "compiled" / f"{TEMPORARY_PREFIX}abc", MAX_DAYS + 1)
    assert cache.load(cache_key(["used"])) == used
    cache.store(cache_key(["new"]), network.model, {})
    assert used.folder.is_dir()
    assert not unused.exists()
    assert not unfinished.exists()


def test_only_folders_of_the_cache_are_deleted(
    cache: CompileCache, network: Network, tmp_path: Path
) -> None:
    others = [
        aged(tmp_path / "compiled" / "photos", MAX_DAYS + 1),
        aged(tmp_path / "models" / cache_key(["a"]), MAX_DAYS + 1),
    ]
    cache.store(cache_key(["new"]), network.model, {})
    assert all(folder.is_dir() for folder in others)


def test_the_oldest_blobs_beyond_the_limit_are_deleted(
    cache: CompileCache, network: Network
) -> None:
    entry = cache.store(cache_key(["a"]), network.model, {})
    assert entry is not None
    for number in range(MAX_BLOBS + 3):
        blob = entry.folder / f"{number}.blob"
        blob.write_bytes(b"compiled")
        os.utime(blob, (number, number))
    entry.record_blobs()
    left = {blob.stem for blob in entry.folder.glob("*.blob")}
    assert left == {str(number) for number in range(3, MAX_BLOBS + 3)}
    assert cache.load(cache_key(["a"])) == entry
    assert {blob.stem for blob in entry.folder.glob("*.blob")} == left


def test_a_blob_without_a_checksum_is_deleted(cache: CompileCache, network: Network) -> None:
    entry = cache.store(cache_key(["a"]), network.model, {})
    assert entry is not None
    blob = entry.folder / "1.blob"
    blob.write_bytes(b"half of i")
    assert cache.load(cache_key(["a"])) == entry
    assert not blob.exists()


def test_a_replaced_blob_gets_a_new_checksum(cache: CompileCache, network: Network) -> None:
    entry = cache.store(cache_key(["a"]), network.model, {})
    assert entry is not None
    blob = entry.folder / "1.blob"
    for number, content in enumerate((b"one", b"another")):
        blob.write_bytes(content)
        future = time.time() + 100 * number
        os.utime(blob, (future, future))
        entry.record_blobs()
    assert cache.load(cache_key(["a"])) == entry
    assert blob.read_bytes() == b"another"


def test_an_intact_network_that_is_already_there_is_not_replaced(
    cache: CompileCache, network: Network
) -> None:
    first = cache.store(cache_key(["a"]), network.model, {"by": "the first"})
    assert first is not None
    second = cache.store(cache_key(["a"]), network.model, {"by": "the second"})
    assert second == first
