"""Stores list, read and write files of this machine and of others, by one interface."""

import os
import pickle
from pathlib import Path

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from facewire_server.batch.store import Entry, Store, public_name
from facewire_server.errors import CommandError, RequestError
from tests.server.batch.photos import write


def listed(address: str | Path) -> list[str]:
    store, path = Store.find(str(address))
    return [each.path for each in store.list(path)]


def test_a_folder_is_listed_with_what_is_below_it(tmp_path: Path) -> None:
    write(tmp_path, {"b.jpg": b"", "a/c.jpg": b"", ".hidden": b""})
    assert listed(tmp_path) == [f"{tmp_path}/{name}" for name in (".hidden", "a/c.jpg", "b.jpg")]


def test_a_link_to_a_folder_above_ends_no_listing(tmp_path: Path) -> None:
    write(tmp_path, {"a/b.jpg": b""})
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    (tmp_path / "linked.jpg").symlink_to(tmp_path / "a" / "b.jpg")
    assert listed(tmp_path) == [f"{tmp_path}/a/b.jpg", f"{tmp_path}/linked.jpg"]


def test_a_glob_lists_what_it_matches_and_no_folders(tmp_path: Path) -> None:
    write(tmp_path, {"a.jpg": b"", "b.txt": b"", "a.d/c.jpg": b""})
    assert listed(tmp_path / "a.*") == [f"{tmp_path}/a.jpg"]
    assert listed(tmp_path / "**/*.jpg") == [f"{tmp_path}/a.d/c.jpg", f"{tmp_path}/a.jpg"]


def test_a_name_with_brackets_that_is_there_is_no_glob(tmp_path: Path) -> None:
    write(tmp_path, {"[1]/a.jpg": b"", "1/b.jpg": b""})
    assert listed(tmp_path / "[1]") == [f"{tmp_path}/[1]/a.jpg"]


def test_nothing_at_a_path_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"there is no .*/missing"):
        listed(tmp_path / "missing")


def test_a_folder_that_may_not_be_read_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.scandir", refuse)
    with pytest.raises(CommandError, match="Permission denied"):
        listed(tmp_path)


@pytest.fixture
def memory() -> MemoryFileSystem:
    """Files that are in no folder of this machine."""
    MemoryFileSystem.store.clear()
    system = fsspec.filesystem("memory")
    assert isinstance(system, MemoryFileSystem)
    return system


def test_an_address_is_listed_with_sizes(memory: MemoryFileSystem) -> None:
    memory.pipe_file("/photos/a.jpg", b"abc")
    memory.pipe_file("/photos/sub/b.jpg", b"")
    store, path = Store.find("memory://photos")
    assert store.list(path) == [Entry("/photos/a.jpg", 3), Entry("/photos/sub/b.jpg", 0)]
    assert store.name("/photos/a.jpg") == "memory:///photos/a.jpg"
    assert store.list("/photos/*.jpg") == [Entry("/photos/a.jpg", 3)]
    with pytest.raises(CommandError, match="nothing at memory"):
        listed("memory://elsewhere")


def test_a_store_is_the_same_in_another_process(memory: MemoryFileSystem) -> None:
    store, _ = Store.find("memory://photos")
    assert pickle.loads(pickle.dumps(store)) == store
    local, _ = Store.find("photos")
    assert pickle.loads(pickle.dumps(local)).is_local


def test_pyarrow_opens_what_fsspec_has_no_library_for(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="s3fs") as raised:
        Store.find("s3://me:secret@/?x=y")
    assert "secret" not in str(raised.value)
    store, path = Store.find("s3://bucket/photos?region=us-east-1&endpoint_override=localhost:1")
    assert (store.name(f"{path}/a.jpg"), store.is_local) == ("s3://bucket/photos/a.jpg", False)


@pytest.mark.parametrize("address", ["/photos/a.jpg", "memory://photos/a.jpg"])
@pytest.mark.parametrize("knows_size", [True, False])
def test_a_file_over_the_limit_is_not_read(
    address: str, knows_size: bool, tmp_path: Path, memory: MemoryFileSystem
) -> None:
    store, path = Store.find(address if "://" in address else f"{tmp_path}{address}")
    if store.is_local:
        write(tmp_path, {"photos/a.jpg": bytes(10)})
    else:
        memory.pipe_file(path, bytes(10))
    size = 10 if knows_size else -1
    assert store.read(path, size, 10) == bytes(10)
    with pytest.raises(RequestError, match="has 10 bytes, and the limit is 9") as raised:
        store.read(path, size, 9)
    assert raised.value.reason == "IMAGE_TOO_LARGE"


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jpg")
    store, path = Store.find(str(tmp_path / "a.jpg"))
    with pytest.raises(OSError, match="no file"):
        store.read(path, -1, 10)


def test_a_file_that_cannot_be_written_whole_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, path = Store.find(str(tmp_path / "a.parquet"))
    store.write(path, b"first")

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="No space"):
        store.write(path, b"second")
    assert (tmp_path / "a.parquet").read_bytes() == b"first"


def test_names_have_no_secrets_and_tell_addresses_apart() -> None:
    first = public_name("https://me:secret@host/a.jpg?id=1&token=secret")
    second = public_name("https://me:other@host/a.jpg?id=2&token=secret")
    assert first.startswith("https://host/a.jpg?...#") and "secret" not in first
    assert first != second
    assert first == public_name("https://host/a.jpg?id=1&token=secret")
    assert public_name("s3://bucket/a.jpg") == "s3://bucket/a.jpg"
