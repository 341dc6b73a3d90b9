"""Pulling from a store of fsspec: its memory, and stores that misbehave."""

import asyncio
import re
from collections.abc import Iterator
from typing import Any, ClassVar

import fsspec
import pytest
from fsspec.asyn import AsyncFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from facewire_server.catalogue import store_origin
from facewire_server.catalogue.cache import ModelCache
from facewire_server.catalogue.catalogue import PublishedModel
from facewire_server.catalogue.fetch import RetryPolicy
from facewire_server.catalogue.pull import pull
from facewire_server.errors import ModelError
from tests.server.catalogue import tiny


class FailingStore(MemoryFileSystem):
    """The memory with the errors of `failures`, which are raised one by one."""

    protocol = "failing"
    failures: ClassVar[list[Exception]] = []
    forbids_listing = False
    cut = 0

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return super()._strip_protocol(path.replace("failing://", "memory://"))

    def info(self, path: str, **arguments: Any) -> dict[str, Any]:
        """See AbstractFileSystem.info."""
        if self.forbids_listing and not self.exists(path):
            raise PermissionError("Access Denied")
        return super().info(path, **arguments)

    def exists(self, path: str, **_: Any) -> bool:
        """See AbstractFileSystem.exists."""
        return self._strip_protocol(path) in self.store

    def cat_file(self, path: str, *arguments: Any, **named: Any) -> bytes:
        """See AbstractFileSystem.cat_file."""
        if self.failures:
            raise self.failures.pop(0)
        block = super().cat_file(path, *arguments, **named)
        return block[: len(block) - self.cut]


class SilentStore(AsyncFileSystem):
    """A store that never answers."""

    protocol = "silent"

    async def _info(self, path: str, **_: Any) -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}


@pytest.fixture(autouse=True)
def _stores(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Puts the tiny model into the memory under /bucket, for `memory://` and `failing://`."""
    for store in (FailingStore, SilentStore):
        fsspec.register_implementation(store.protocol, store, clobber=True)
    monkeypatch.setattr(FailingStore, "failures", [])
    memory = fsspec.filesystem("memory")
    for path, content in tiny.FILES.items():
        memory.pipe_file(f"/bucket/tiny/{path}", content)
    yield
    memory.rm("/bucket", recursive=True)


def write(path: str, content: bytes) -> None:
    fsspec.filesystem("memory").pipe_file(f"/bucket/tiny/FP16/{path}", content)


def test_a_store_may_be_a_mirror(
    cache: ModelCache, model: PublishedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_origin, "BLOCK_SIZE", 1 << 16)  # several blocks, and a rest
    path = pull(model, None, cache, mirror="memory://bucket/")
    assert path.read_bytes() == tiny.XML
    assert cache.problem(model, "FP16") is None
    assert not list(cache.folder.rglob("*.part"))


def test_a_store_goes_on_where_an_earlier_pull_was_broken_off(
    cache: ModelCache, model: PublishedModel, policy: RetryPolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = cache.folder_of(model, "FP16")
    folder.mkdir(parents=True)
    (folder / "tiny.bin.part").write_bytes(tiny.BIN[:200_000])
    asked: list[int] = []
    read = MemoryFileSystem.cat_file

    def cat_file(self: Any, path: str, start: int, end: int) -> bytes:
        asked.append(end - start)
        return bytes(read(self, path, start, end))

    monkeypatch.setattr(MemoryFileSystem, "cat_file", cat_file)
    pull(model, None, cache, mirror="memory://bucket", policy=policy)
    assert cache.problem(model, "FP16") is None
    assert asked == [100_000, len(tiny.XML)]


def test_a_failure_is_tried_again(
    cache: ModelCache, model: PublishedModel, policy: RetryPolicy
) -> None:
    FailingStore.failures = [ConnectionError("cut"), RuntimeError("an error of a library")]
    pull(model, None, cache, mirror="failing://bucket", policy=policy)
    assert cache.problem(model, "FP16") is None
    assert FailingStore.failures == []


def test_an_error_is_shown_in_one_line_without_its_secrets(
    cache: ModelCache, model: PublishedModel, policy: RetryPolicy
) -> None:
    page = "<html>\n at https://me:secret@store/bucket?sig=secret" + " and so on" * 100
    FailingStore.failures = [RuntimeError(page)] * 3
    with pytest.raises(ModelError, match=r"tiny.bin: <html> at https://store/bucket\?") as caught:
        pull(model, None, cache, mirror="failing://bucket", policy=policy)
    message = str(caught.value)
    assert message.endswith("gave up after 3 attempts")
    assert "secret" not in message
    assert "\n" not in message
    assert len(message) < 500


def test_a_missing_file_is_found_under_its_other_path_where_listing_is_forbidden(
    cache: ModelCache, model: PublishedModel, policy: RetryPolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FailingStore, "forbids_listing", True)
    pull(model, None, cache, mirror="failing://bucket", policy=policy)
    assert cache.problem(model, "FP16") is None
    with pytest.raises(ModelError, match=r"at .* \(Access Denied\) nor at .* \(Access Denied\)$"):
        pull(model, "FP16-INT8", cache, mirror="failing://elsewhere", policy=policy)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (tiny.BIN[:-1], "has 299999 bytes instead of 300000$"),
        (tiny.BIN + b"x", "has 300001 bytes instead of 300000$"),
        (tiny.BIN[::-1], "it is not the published file$"),
    ],
)
def test_a_file_that_is_not_the_published_one_is_refused_at_once(
    content: bytes, message: str, cache: ModelCache, model: PublishedModel, policy: RetryPolicy
) -> None:
    write("tiny.bin", content)
    with pytest.raises(ModelError, match=message):
        pull(model, None, cache, mirror="memory://bucket", policy=policy)
    assert [path.name for path in cache.folder.rglob("*") if path.is_file()] == [".lock"]


def test_a_missing_file_is_reported_with_both_paths(
    cache: ModelCache, model: PublishedModel
) -> None:
    paths = "memory:///nothing/published/1/tiny/FP16/tiny.bin", "memory:///nothing/tiny/FP16/tiny"
    expected = re.escape(f"tiny.bin is not at {paths[0]} nor at {paths[1]}")
    with pytest.raises(ModelError, match=expected):
        pull(model, None, cache, mirror="memory://nothing")


@pytest.mark.parametrize("cut", [1, -1])
def test_an_answer_of_another_length_is_refused(
    cut: int,
    cache: ModelCache,
    model: PublishedModel,
    policy: RetryPolicy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(FailingStore, "cut", cut)
    if cut < 0:  # a store that does not know ranges
        monkeypatch.setattr(FailingStore, "cat_file", lambda *_, **__: tiny.BIN + b"x")
    message = f"answers with {len(tiny.BIN) - cut} bytes instead of {len(tiny.BIN)}; gave up"
    with pytest.raises(ModelError, match=message):
        pull(model, None, cache, mirror="failing://bucket", policy=policy)
    assert cache.complete(model) == ()


def test_a_store_that_does_not_answer_is_given_up(cache: ModelCache, model: PublishedModel) -> None:
    policy = RetryPolicy(retries=1, first_wait=0.01, connect_timeout=0.1, read_timeout=0.1)
    message = "no whole answer within 0.2 s; gave up after 2 attempts$"
    with pytest.raises(ModelError, match=message):
        pull(model, None, cache, mirror="silent://bucket", policy=policy)
