"""Killed, crowded, or without room: nothing half done ever counts as a model."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from facewire_server.catalogue.cache import Cache
from facewire_server.catalogue.entry import Entry
from facewire_server.catalogue.pull import pull
from facewire_server.catalogue.report import Report
from facewire_server.errors import ModelError
from tests.server.catalogue import file_server as serve
from tests.server.catalogue import tiny
from tests.server.catalogue.file_server import FileServer

PULL = """
import resource
import sys
from pathlib import Path
from facewire_server.catalogue.cache import Cache
from facewire_server.catalogue.catalogue import Catalogue
from facewire_server.catalogue.pull import pull
from facewire_server.errors import ModelError
tables, cache = map(Path, sys.argv[1:3])
for limit in map(int, sys.argv[3:]):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    pull(Catalogue.read(tables).get("tiny"), None, Cache(cache))
except ModelError as error:
    sys.exit(str(error))
"""


def start_pull(tmp_path: Path, *limits: int) -> subprocess.Popen[str]:
    """Pulls in a process of its own, which may write so many bytes to a file.

    The fixture `entry` wrote the tables that it reads.
    """
    folders = str(tmp_path / "tables"), str(tmp_path / "cache")
    return subprocess.Popen(
        [sys.executable, "-c", PULL, *folders, *map(str, limits)],
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


@pytest.mark.parametrize("file", ["tiny.bin", "tiny.xml"])
def test_a_killed_pull_leaves_no_model_and_is_gone_on_with(
    file: str, models: Cache, entry: Entry, server: FileServer, tmp_path: Path
) -> None:
    ended = threading.Event()
    before = [serve.properly] if file == "tiny.xml" else []
    server.answers = [*before, serve.stalled(20_000, ended)]
    part = models.folder_of(entry, "FP16") / f"{file}.part"
    with start_pull(tmp_path) as process:
        wait_for(lambda: part.exists() and part.stat().st_size > 0)
        process.send_signal(signal.SIGKILL)
    ended.set()
    assert models.held(entry) == ()
    there = part.stat().st_size
    pull(entry, None, models)
    asked = (f"{tiny.BASE}/FP16/{file}", f"bytes={there}-")
    assert asked in server.requests
    assert models.problem(entry, "FP16") is None


class Waiting(Report):
    """Remembers that a pull waits for another."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self.lines: list[str] = []

    def note(self, line: str) -> None:
        self.lines.append(line)
        self.event.set()


def test_the_second_of_two_pulls_waits_says_so_and_fetches_nothing(
    models: Cache, entry: Entry, server: FileServer
) -> None:
    second = Waiting()
    server.answers = [serve.stalled(1000, second.event)]
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(pull, entry, None, models)
        wait_for(lambda: len(server.requests) > 0)
        pull(entry, None, models, report=second)
        first.result()
    assert second.lines == ["another process is pulling tiny; waiting for it"]
    assert len(server.requests) == len(entry.files_in("FP16"))
    assert models.problem(entry, "FP16") is None


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_is_one_plain_line(models: Cache, entry: Entry) -> None:
    folder = models.folder_of(entry, "FP16")
    folder.mkdir(parents=True)
    (folder / "tiny.bin.part").symlink_to("/dev/full")
    with pytest.raises(ModelError, match=r"no room for .*No space left on device"):
        pull(entry, None, models)
    assert models.held(entry) == ()


def test_what_fitted_before_the_limit_is_kept(models: Cache, entry: Entry, tmp_path: Path) -> None:
    with start_pull(tmp_path, 100_000) as process:
        _, error = process.communicate(timeout=60)
    assert process.returncode == 1
    assert error.startswith("no room for")
    assert error.count("\n") == 1
    part = models.folder_of(entry, "FP16") / "tiny.bin.part"
    assert part.read_bytes() == tiny.BIN[:100_000]


@pytest.mark.skipif(not Path("/sys").is_dir(), reason="there is no /sys here")
def test_a_folder_that_may_not_be_written_is_one_plain_line(entry: Entry) -> None:
    with pytest.raises(ModelError, match=r"no permission to write /sys.*--cache"):
        pull(entry, None, Cache(Path("/sys/facewire")))


def test_a_cache_that_is_no_folder_is_one_plain_line(models: Cache, entry: Entry) -> None:
    models.folder.write_text("a file")
    with pytest.raises(ModelError, match=r"cannot be written: Not a directory"):
        pull(entry, None, models)


def test_a_model_that_is_there_needs_no_permission(
    models: Cache, entry: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = pull(entry, None, models)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "mkdir", refuse)
    assert pull(entry, None, models) == path
