"""Jobs on a local cluster: each photo has one row, whatever happens on the way."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from facewire_server.batch import run as module
from facewire_server.batch.row import SCHEMA, Rows, table_of
from facewire_server.batch.run import Progress, run
from facewire_server.batch.source import SUFFIXES, find
from facewire_server.config import BatchConfig, Mode
from facewire_server.errors import CommandError, ModelError
from facewire_server.inference.detector import Detector, Options
from facewire_server.inference.runtime import Runtime
from facewire_server.models.source import Source
from tests.server.batch.detectors import FATAL, RAISING, with_faulty
from tests.server.batch.photos import BAD, FACE, GOOD, write

CONFIG = BatchConfig(max_file_mb=1)
IMAGES = Path(__file__).parents[4] / "shared" / "cases" / "images"

pytestmark = pytest.mark.filterwarnings("ignore:::ray")


@pytest.fixture(scope="module")
def detector() -> Detector:
    """The detector that workers should be like."""
    # A property: `threads` would be set for the other models of this process, too.
    runtime = Runtime(mode=Mode.LATENCY, properties={"INFERENCE_NUM_THREADS": "1"})
    return Detector(Source.find(CONFIG.model), runtime)


def nothing(_: Progress) -> None:
    """Report to nobody."""


def rows_of(folder: Path) -> dict[str, dict[str, Any]]:
    """The rows by their sources, each of which may have but one."""
    rows = pq.read_table(folder).to_pylist()
    by_source = {each["source"]: each for each in rows}
    assert len(by_source) == len(rows)
    return by_source


def expected(detector: Detector, path: Path, data: bytes) -> dict[str, Any]:
    rows = Rows(detector, Options(), CONFIG.served.image_limits)
    (row,) = table_of([rows.of(0, str(path), lambda: data)]).to_pylist()
    return {name: row[name] for name in SCHEMA.names}


class Stop(BaseException):
    """As a signal's handler raises it."""


def stop(progress: Progress) -> None:
    """End a job when it has its first rows."""
    if progress.photos:
        raise Stop


@pytest.mark.parametrize(
    "change",
    [
        {"min_confidence": 0.25},
        {"iou_threshold": 0.5},
        {"max_detections": 3},
        {"tiles": "on"},
        {"inference_precision": "bf16"},
        {"scaled_decode": False},
    ],
    ids=lambda change: next(iter(change)),
)
def test_an_output_made_with_other_options_that_change_boxes_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    monkeypatch.setattr(module, "_work", lambda *_: None)
    photos, out = write(tmp_path / "photos", {"a.jpg": b""}), tmp_path / "out"
    run(str(photos), str(out), CONFIG, nothing)
    run(str(photos), str(out), replace(CONFIG, max_megapixels=1), nothing)
    with pytest.raises(CommandError, match=f"was made with {next(iter(change))} "):
        run(str(photos), str(out), replace(CONFIG, **change), nothing)


@pytest.mark.usefixtures("cluster")
def test_each_photo_has_its_row_though_the_job_was_stopped_and_workers_died(
    tmp_path: Path,
    detector: Detector,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One test of many things: to start a job on a cluster takes seconds."""
    monkeypatch.setattr(module, "_job", with_faulty(module._job))
    bad = {name: data for name, (data, _) in BAD.items()}
    more = {"fatal.jpg": FATAL, "raising.jpg": RAISING, "notes.txt": b""}
    photos, out = write(tmp_path / "photos", {**GOOD, **bad, **more}), tmp_path / "out"
    (photos / "vanished.jpg").symlink_to("nowhere")
    if cases := [each for each in IMAGES.glob("*") if each.suffix in SUFFIXES]:
        write(photos / "cases", {each.name: each.read_bytes() for each in cases})
    with caplog.at_level(logging.INFO):
        with pytest.raises(Stop):
            run(str(photos), str(out), CONFIG, stop)
        before = len(rows_of(out))
        progress = run(str(photos), str(out), CONFIG, nothing)
    rows = rows_of(out)
    assert 0 < before == progress.before < len(rows)
    for name, data in GOOD.items():
        assert rows.pop(f"{photos}/{name}") == expected(detector, photos / name, data)
    for each in (photos / "cases").glob("*"):
        assert rows.pop(str(each)) == expected(detector, each, each.read_bytes())
    reasons = {name: reason for name, (_, reason) in BAD.items()}
    reasons |= {"fatal.jpg": "WORKER_DIED", "raising.jpg": "INTERNAL", "vanished.jpg": "UNREADABLE"}
    assert {each: row["error"].partition(":")[0] for each, row in rows.items()} == {
        f"{photos}/{name}": reason for name, reason in reasons.items()
    }
    total = len(GOOD) + len(cases) + len(reasons)
    assert progress.photos == progress.total == total - before
    assert "left out as no photos by their names: 1 files (1 .txt)" in caplog.text
    assert "ZeroDivisionError: by zero" in caplog.text
    last = run(str(photos), str(out), CONFIG, nothing)
    assert (last.before, last.total) == (total, 0)


def numbered(*numbers: int) -> pa.Table:
    return pa.table({"number": numbers})


def once(tables: list[pa.Table], total: int) -> Iterator[list[int]]:
    for table in module._once(tables, total):
        yield table["number"].to_pylist()


def test_rows_that_come_again_are_dropped() -> None:
    tables = [numbered(0, 1), numbered(1, 0), numbered(1, 2), numbered(3)]
    assert list(once(tables, 4)) == [[0, 1], [2], [3]]


def test_items_without_a_row_are_noticed() -> None:
    with pytest.raises(CommandError, match="2 photos have no row"):
        list(once([numbered(0), numbered(3)], 4))


def test_a_model_that_is_not_there_is_told_before_anything_is_made(tmp_path: Path) -> None:
    photos = write(tmp_path / "photos", {"a.jpg": FACE})
    with pytest.raises(ModelError):
        run(str(photos), str(tmp_path / "out"), replace(CONFIG, model="nope.xml"), nothing)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("address", ["localhost:1", "nonsense", "ray://localhost:10001"])
def test_a_cluster_that_is_not_there_is_told_before_anything_is_made(
    address: str, tmp_path: Path
) -> None:
    photos = write(tmp_path / "photos", {"a.jpg": FACE})
    with pytest.raises(CommandError, match=f"--ray {address}: "):
        run(str(photos), str(tmp_path / "out"), replace(CONFIG, ray=address), nothing)
    assert not (tmp_path / "out").exists()


def test_a_worker_takes_its_own_cores_alone() -> None:
    model = Source.find(CONFIG.model)
    found = find(__file__, None, "/elsewhere")
    job = module._job(replace(CONFIG, cores_per_worker=3), model, model.read(), found, 1)
    load: Any = job.load
    _, runtime, _ = load.args
    assert (runtime.threads, runtime.pinned) == (3, False)
