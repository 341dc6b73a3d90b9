"""Files are read again when they have changed, and no more often."""

import asyncio
import logging
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from facewire_server.errors import ConfigError
from facewire_server.system import file_watch
from facewire_server.system.file_watch import FileChanges, FileWatch, Fingerprint, fingerprint
from tests.server.replaced import replace

OLD, HALF, NEW = (((number, number, number),) for number in range(3))
"""Fingerprints of one file."""


def test_a_change_counts_when_it_has_settled_and_until_it_is_loaded() -> None:
    changes = FileChanges(OLD)
    looks = [changes.look(each) for each in (OLD, OLD, HALF, NEW, NEW, NEW)]
    assert looks == [False, False, False, False, True, True]
    changes.mark_loaded()
    assert not changes.look(NEW)


def test_files_that_are_again_as_they_were_loaded_have_not_changed() -> None:
    changes = FileChanges(OLD)
    assert [changes.look(each) for each in (NEW, OLD, OLD)] == [False, False, False]


class Words:
    """A file of words that must not be empty."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.words: list[str] = []
        self.reads = 0
        path.write_text("one")

    def watch(self) -> FileWatch:
        return FileWatch("words", {"--words": self.path}, self.load)

    def load(self, contents: Mapping[str, bytes]) -> None:
        self.reads += 1
        words = contents["--words"].decode().split()
        if not words:
            raise ConfigError("there are no words")
        self.words = words


@pytest.fixture
def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Words:
    monkeypatch.setattr(file_watch, "POLL_SECONDS", 0.01)
    return Words(tmp_path / "words")


def watched(words: Words, change: Callable[[], None], until: Callable[[], bool]) -> None:
    """Watch while `change` runs, until `until` holds, and for a while after that."""

    async def main() -> None:
        watch = asyncio.create_task(words.watch().run(), name="watch")
        async with asyncio.timeout(60):
            await asyncio.sleep(0.05)
            change()
            while not until():
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        watch.cancel()

    asyncio.run(main())


def test_a_change_is_read_once(words: Words) -> None:
    watched(words, lambda: write(words, "two"), lambda: words.words == ["two"])
    assert words.reads == 2


def write(words: Words, text: str) -> None:
    replace(words.path, text.encode())


def test_a_file_that_was_overwritten_is_read(words: Words) -> None:
    def change() -> None:
        words.path.write_text("two")

    watched(words, change, lambda: words.words == ["two"])


def test_bad_contents_are_logged_once_and_change_nothing(
    words: Words, caplog: pytest.LogCaptureFixture
) -> None:
    watched(words, lambda: write(words, ""), lambda: words.reads >= 4)
    assert words.words == ["one"]
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "there are no words" in record.getMessage()
    assert record.exc_info is None


def test_an_unexpected_error_is_logged_with_its_trace_and_ends_nothing(
    words: Words, caplog: pytest.LogCaptureFixture
) -> None:
    def until() -> bool:
        if caplog.records and words.path.read_bytes() == b"\xff":
            write(words, "two")
        return words.words == ["two"]

    def spoil() -> None:
        replace(words.path, b"\xff")

    watched(words, spoil, until)
    assert caplog.records[0].exc_info is not None


def test_a_missing_file_is_logged_without_a_trace_and_may_come_back(
    words: Words, caplog: pytest.LogCaptureFixture
) -> None:
    def until() -> bool:
        if not words.path.exists() and caplog.records:
            write(words, "two")
        return words.words == ["two"]

    watched(words, words.path.unlink, until)
    (error,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert error.exc_info is None
    text = f"holds on: --words: cannot read {words.path}: No such file or directory"
    assert error.getMessage().endswith(text)


def test_bad_contents_at_the_start_are_an_error(words: Words) -> None:
    write(words, "")
    with pytest.raises(ConfigError):
        words.watch()


def test_a_pipe_without_a_writer_at_the_start_is_an_error_with_its_flag(
    words: Words, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_watch, "READ_SECONDS", 0.1)
    make_pipe(words)
    message = rf"^--words: cannot read {words.path}: no answer within 0\.1 s$"
    with pytest.raises(ConfigError, match=message):
        words.watch()


def make_pipe(words: Words) -> None:
    """Put a pipe in the place of the file: to open it waits for a writer."""
    pipe = words.path.with_name("pipe")
    os.mkfifo(pipe)
    pipe.replace(words.path)


def test_a_pipe_without_a_writer_is_logged_once_and_can_be_replaced(
    words: Words, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(file_watch, "READ_SECONDS", 0.1)
    looks: list[Fingerprint] = []

    def looked(path: Path) -> Fingerprint:
        looks.append(fingerprint(path))
        return looks[-1]

    monkeypatch.setattr(file_watch, "fingerprint", looked)

    def until() -> bool:
        if words.path.is_fifo() and looks.count(looks[-1]) > 20:
            regular = words.path.with_name("regular")
            regular.write_text("two")
            regular.replace(words.path)
        return words.words == ["two"]

    watched(words, lambda: make_pipe(words), until)
    (error,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert "--words: cannot read" in error.getMessage()


def test_a_file_system_that_hangs_is_logged_and_watched_on(
    words: Words, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(file_watch, "LOOK_SECONDS", 0.1)
    hangs, answers = threading.Event(), threading.Event()

    def hang(path: Path) -> Fingerprint:
        if hangs.is_set():
            answers.wait(60)
        return fingerprint(path)

    monkeypatch.setattr(file_watch, "fingerprint", hang)

    def until() -> bool:
        if "--words: cannot look at" in caplog.text and not answers.is_set():
            write(words, "two")
            answers.set()
        return words.words == ["two"]

    watched(words, hangs.set, until)
