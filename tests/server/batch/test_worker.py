"""A worker yields the rows of its part a unit at a time, and says why it cannot work."""

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pyarrow as pa
import pytest

from facewire_server.batch import source
from facewire_server.batch.ledger import Ledger
from facewire_server.batch.parts import divide
from facewire_server.batch.reading import Reader
from facewire_server.batch.row import PhotoDetector
from facewire_server.batch.stream import decode, encode
from facewire_server.batch.work import rows_of
from facewire_server.batch.worker import Job, Worker
from facewire_server.errors import CommandError, ModelError
from facewire_server.image.limits import ImageLimits
from facewire_server.inference.detector import Options
from tests.server.batch.notes import NotesHere
from tests.server.batch.photos import write
from tests.server.batch.test_row import Fake

pytestmark = pytest.mark.filterwarnings("ignore:::ray")


@pytest.fixture(autouse=True)
def _nothing_is_remote(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ray.get", lambda value: value)


def worker(photos: Path, load: Callable[[], PhotoDetector], ledger: Ledger) -> Worker:
    found = source.find(str(photos), None, "/elsewhere")
    reader = Reader(found.store, None, 100)
    return Worker(Job(load, Options(max_detections=3), ImageLimits(1000), reader, 2), ledger)


def part(photos: Path) -> pa.Table:
    """The first of the parts of the photos, all of them if they are few."""
    items = source.find(str(photos), None, "/elsewhere").items
    first = next(divide(pa.concat_tables([items] * 8), 100, 1, far=False))
    return pa.table({"part": [encode(first)]})


def results(made: Worker, batch: pa.Table) -> list[list[str]]:
    return [
        [row["error"] or row["source"] for row in decode(table["rows"][0].as_py()).to_pylist()]
        for table in made(batch)
    ]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Three files that the detector takes for photos."""
    return write(tmp_path, {f"{name}.jpg": name.encode() for name in "abc"})


def test_rows_come_a_unit_at_a_time(photos: Path) -> None:
    made = worker(photos, Fake, Ledger(NotesHere()))
    assert results(made, part(photos)) == [
        [f"{photos}/a.jpg", f"{photos}/b.jpg"],
        [f"{photos}/c.jpg"],
    ]


def test_a_photo_that_ended_workers_is_left_alone(photos: Path) -> None:
    notes = NotesHere()
    Ledger(notes).begin(0)
    for _ in range(2):
        ledger = Ledger(notes)
        ledger.begin(0)
        ledger.note(0, 1)
    (first, second), (third,) = results(worker(photos, Fake, Ledger(notes)), part(photos))
    assert (first, third) == (f"{photos}/a.jpg", f"{photos}/c.jpg")
    assert second.startswith("WORKER_DIED: ")


def test_photos_are_noted_once_a_worker_has_died(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted: list[int] = []
    notes = NotesHere()
    monkeypatch.setattr(Ledger, "note", lambda _, part, number: noted.append(number))
    results(worker(photos, Fake, Ledger(notes)), part(photos))
    assert (noted, notes.texts) == ([], {})
    Ledger(notes).begin(0)  # by a worker that died
    results(worker(photos, Fake, Ledger(notes)), part(photos))
    assert (noted, notes.texts) == ([0, 1, 2], {})


def fail(error: Exception) -> PhotoDetector:
    raise error


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ModelError("it does not run here"), "cannot start: it does not run here"),
        (ValueError("oh"), "cannot start: ValueError: oh"),
    ],
)
def test_a_worker_that_cannot_start_says_why(
    error: Exception, message: str, photos: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (table,) = worker(photos, partial(fail, error), Ledger(NotesHere()))(part(photos))
    (result,) = table.to_pylist()
    with pytest.raises(CommandError, match=f"a worker on .* {message}"):
        rows_of(result)
    assert ("Traceback" in caplog.text) == isinstance(error, ValueError)


def test_a_process_of_ray_ends_without_what_ray_does_at_its_end() -> None:
    code = """
import atexit
from facewire_server.batch.worker import RemoteWorker

atexit.register(print, "at the end")
RemoteWorker(None, None)
print("begun", flush=True)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == "begun\n"
