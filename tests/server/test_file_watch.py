"""Files are read again when they have changed, and no more often than that."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from facewire_server.errors import ConfigError
from facewire_server.service import file_watch
from facewire_server.service.file_watch import FileWatch


class Words:
    """A file of words that must not be empty."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.words: list[str] = []
        self.reads = 0
        path.write_text("one")

    def load(self) -> None:
        self.reads += 1
        words = self.path.read_text().split()
        if not words:
            raise ConfigError("there are no words")
        self.words = words


@pytest.fixture
def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Words:
    monkeypatch.setattr(file_watch, "POLL_SECONDS", 0.01)
    return Words(tmp_path / "words")


def watched(
    words: Words, change: Callable[[], None], until: Callable[[], bool]
) -> None:
    """Watches while the file is changed, until something holds, and a while on."""

    async def main() -> None:
        watch = asyncio.create_task(
            FileWatch("words", [words.path], words.load).run(), name="watch"
        )
        async with asyncio.timeout(20):
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
    words.path.write_text(text)


def test_a_file_that_was_renamed_into_place_is_read(words: Words) -> None:
    def replace() -> None:
        other = words.path.with_name("other")
        other.write_text("two")
        other.replace(words.path)

    watched(words, replace, lambda: words.words == ["two"])


def test_what_is_no_good_is_told_once_and_changes_nothing(
    words: Words, caplog: pytest.LogCaptureFixture
) -> None:
    watched(words, lambda: write(words, ""), lambda: words.reads >= 4)
    assert words.words == ["one"]
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "there are no words" in record.getMessage()
    assert record.exc_info is None


def test_a_fault_is_told_with_its_trace_and_ends_nothing(
    words: Words, caplog: pytest.LogCaptureFixture
) -> None:
    def until() -> bool:
        if not words.path.exists() and caplog.records:
            write(words, "two")
        return words.words == ["two"]

    watched(words, words.path.unlink, until)
    assert caplog.records[0].exc_info is not None
    assert words.words == ["two"]


def test_a_file_that_is_no_good_from_the_start_is_refused(words: Words) -> None:
    write(words, "")
    with pytest.raises(ConfigError):
        FileWatch("words", [words.path], words.load)
