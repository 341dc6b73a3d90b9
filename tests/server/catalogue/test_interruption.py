"""A pull that is killed, interrupted, run twice or out of space leaves no half model."""

import errno
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from facewire_server.catalogue.cache import ModelCache
from facewire_server.catalogue.catalogue import PublishedModel
from facewire_server.catalogue.pull import pull
from facewire_server.errors import ModelError
from facewire_server.system.memory import is_shortage
from tests.server.catalogue import file_server as serve
from tests.server.catalogue import tiny
from tests.server.catalogue.file_server import FileServer

PULL = """
import resource
import sys
from pathlib import Path
from facewire_server.catalogue.cache import ModelCache
from facewire_server.catalogue.catalogue import Catalogue
from facewire_server.catalogue.pull import pull
from facewire_server.errors import ModelError
tables, cache = map(Path, sys.argv[1:3])
for limit in map(int, sys.argv[3:]):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    pull(Catalogue.read(tables).get("tiny"), None, ModelCache(cache))
except ModelError as error:
    sys.exit(str(error))
"""


def start_pull(tmp_path: Path, *limits: int) -> subprocess.Popen[str]:
    """Pull in a process of its own, whose files may have up to `limits` bytes.

    The fixture `model` wrote the tables that it reads.
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
def test_a_killed_pull_leaves_no_model_and_is_resumed(
    file: str, cache: ModelCache, model: PublishedModel, server: FileServer, tmp_path: Path
) -> None:
    ended = threading.Event()
    before = [serve.properly] if file == "tiny.xml" else []
    server.answers = [*before, serve.stalled(20_000, ended)]
    part = cache.folder_of(model, "FP16") / f"{file}.part"
    with start_pull(tmp_path) as process:
        wait_for(lambda: part.exists() and part.stat().st_size > 0)
        process.send_signal(signal.SIGKILL)
    ended.set()
    assert cache.complete(model) == ()
    there = part.stat().st_size
    pull(model, None, cache)
    asked = (f"{tiny.BASE}/FP16/{file}", f"bytes={there}-")
    assert asked in server.requests
    assert cache.problem(model, "FP16") is None


class Waiting:
    """A report that sets an event when a pull waits for another."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self.lines: list[str] = []

    def note(self, line: str) -> None:
        self.lines.append(line)
        self.event.set()

    def progress(self, received: int, size: int) -> None:
        pass


def test_the_second_of_two_pulls_waits_and_fetches_nothing(
    cache: ModelCache, model: PublishedModel, server: FileServer
) -> None:
    second = Waiting()
    server.answers = [serve.stalled(1000, second.event)]
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(pull, model, None, cache)
        wait_for(lambda: len(server.requests) > 0)
        pull(model, None, cache, report=second)
        first.result()
    assert second.lines == ["another process is pulling tiny; waiting for it"]
    assert len(server.requests) == len(model.files_in("FP16"))
    assert cache.problem(model, "FP16") is None


class Interrupting(Waiting):
    """A report during whose first event the user types Ctrl-C."""

    def note(self, line: str) -> None:
        raise KeyboardInterrupt

    def progress(self, received: int, size: int) -> None:
        raise KeyboardInterrupt


@pytest.mark.parametrize("answer", [serve.properly, serve.status(503)])
def test_ctrl_c_ends_a_pull_at_once(
    answer: serve.Answer, cache: ModelCache, model: PublishedModel, server: FileServer
) -> None:
    server.answers = [answer]
    with pytest.raises(KeyboardInterrupt):
        pull(model, None, cache, report=Interrupting())
    assert len(server.requests) == 1
    assert cache.complete(model) == ()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_is_an_error_of_one_line(cache: ModelCache, model: PublishedModel) -> None:
    folder = cache.folder_of(model, "FP16")
    folder.mkdir(parents=True)
    (folder / "tiny.bin.part").symlink_to("/dev/full")
    with pytest.raises(ModelError, match=r"no room for .*No space left on device"):
        pull(model, None, cache)
    assert cache.complete(model) == ()


def test_bytes_before_the_limit_are_kept(
    cache: ModelCache, model: PublishedModel, tmp_path: Path
) -> None:
    with start_pull(tmp_path, 100_000) as process:
        _, error = process.communicate(timeout=60)
    assert process.returncode == 1
    assert error.startswith("no room for")
    assert error.count("\n") == 1
    part = cache.folder_of(model, "FP16") / "tiny.bin.part"
    assert part.read_bytes() == tiny.BIN[:100_000]


@pytest.mark.skipif(not Path("/sys").is_dir(), reason="there is no /sys here")
def test_a_folder_without_permission_is_an_error_of_one_line(model: PublishedModel) -> None:
    with pytest.raises(ModelError, match=r"no permission to write /sys.*--cache"):
        pull(model, None, ModelCache(Path("/sys/facewire")))


def test_a_cache_that_is_no_folder_is_an_error_of_one_line(
    cache: ModelCache, model: PublishedModel
) -> None:
    cache.folder.write_text("a file")
    with pytest.raises(ModelError, match=r"cannot be written: Not a directory"):
        pull(model, None, cache)


@pytest.mark.parametrize("from_folder", [False, True])
def test_a_lack_of_file_descriptors_is_the_cause_of_a_failed_pull(
    from_folder: bool,
    cache: ModelCache,
    model: PublishedModel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(Path, "open", fail)
    with pytest.raises(ModelError, match="Too many open files") as caught:
        pull(model, None, cache, mirror=str(tmp_path) if from_folder else None)
    assert is_shortage(caught.value)


def test_a_complete_model_needs_no_permission(
    cache: ModelCache, model: PublishedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = pull(model, None, cache)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "mkdir", refuse)
    assert pull(model, None, cache) == path
