"""The output grows by whole files, belongs to one model and its options, and is never doubled."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import fsspec
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from facewire_server.batch import output as module
from facewire_server.batch.output import ABOUT, Output
from facewire_server.batch.row import SCHEMA
from facewire_server.batch.store import Store
from facewire_server.errors import CommandError

MODEL = {"model": "one", "min_confidence": None}


def rows(*sources: str, error: str | None = None) -> pa.Table:
    filled: Mapping[str, Any] = {"boxes": [], "model": "one", "error": error}
    return pa.Table.from_pylist([{"source": each, **filled} for each in sources], SCHEMA)


def opened(folder: Path | str, **about: Any) -> Output:
    return Output.open(str(folder), MODEL | about)


def done(folder: Path | str) -> list[str]:
    """The sources that another run would find."""
    output = opened(folder)
    names: list[str] = output.done()["source"].to_pylist()
    output.release()
    return names


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir() if not each.name.endswith(".lock"))


def test_what_was_written_is_done(tmp_path: Path) -> None:
    output = opened(tmp_path / "new" / "out")
    output.add(rows("a", "b"))
    assert output.done().num_rows == 0
    output.flush()
    output.flush()
    output.add(rows("lost"))
    output.release()
    assert done(tmp_path / "new" / "out") == ["a", "b"]


def test_no_thread_of_arrow_reads_the_folder(tmp_path: Path) -> None:
    output = opened(tmp_path)
    output.add(rows("a", "b"))
    output.flush()
    output.release()
    program = f"""if True:
        import os
        from facewire_server.batch.output import Output
        def threads():
            folder = "/proc/self/task"
            found = [open(f"{{folder}}/{{each}}/comm").read() for each in os.listdir(folder)]
            return [each for each in found if not each.startswith("jemalloc")]
        output = Output.open({str(tmp_path)!r}, {MODEL!r})
        before = threads()
        assert output.done().num_rows == 2
        assert threads() == before, threads()
    """
    # One that lets go of what it read while Python ends would abort the process.
    subprocess.run([sys.executable, "-c", program], check=True)


def test_files_of_several_runs_are_side_by_side(tmp_path: Path) -> None:
    for source in ("a", "b"):
        output = opened(tmp_path)
        output.add(rows(source))
        output.flush()
        output.release()
    assert names(tmp_path) == [ABOUT, "part-000000.parquet", "part-000001.parquet"]
    assert done(tmp_path) == ["a", "b"]


def test_rows_are_written_when_there_are_many_or_they_have_waited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ROWS", 3)
    now = 0.0
    output = opened(tmp_path)
    output.clock = lambda: now
    output.add(rows("a", "b"))
    assert names(tmp_path) == [ABOUT]
    output.add(rows("c"))
    assert len(names(tmp_path)) == 2
    now = 100.0
    output.add(rows("d"))
    assert len(names(tmp_path)) == 2, "it has not waited yet"
    now += module.SECONDS
    output.add(rows("e"))
    assert len(names(tmp_path)) == 3
    output.release()


def test_others_read_the_folder(tmp_path: Path) -> None:
    output = opened(tmp_path)
    output.add(rows("a"))
    output.flush()
    (tmp_path / ".part-000001.parquet.tmp").write_bytes(b"half")
    assert pq.read_table(tmp_path).schema == SCHEMA
    assert pd.read_parquet(tmp_path)["source"].tolist() == ["a"]
    output.release()


def test_what_a_killed_job_has_left_is_removed(tmp_path: Path) -> None:
    opened(tmp_path).release()
    for name in (".part-000000.parquet.tmp", f".{ABOUT}.tmp"):
        (tmp_path / name).write_bytes(b"half")
    assert done(tmp_path) == []
    assert names(tmp_path) == [ABOUT]


def test_a_job_killed_before_it_wrote_anything_can_be_repeated(tmp_path: Path) -> None:
    (tmp_path / f".{ABOUT}.tmp").write_bytes(b"{")
    assert done(tmp_path) == []


@pytest.mark.parametrize(
    ("about", "message"),
    [
        ({"model": "two"}, "made with model one instead of two"),
        ({"min_confidence": 0.5}, "made with min_confidence None instead of 0.5"),
    ],
)
def test_other_options_need_another_folder(
    about: dict[str, Any], message: str, tmp_path: Path
) -> None:
    opened(tmp_path).release()
    with pytest.raises(CommandError, match=message):
        opened(tmp_path, **about)
    opened(tmp_path).release()  # and the lock is free


def test_a_folder_of_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear")
    with pytest.raises(CommandError, match=r"has other files in it, such as letter\.txt"):
        opened(tmp_path)


def test_a_second_job_is_refused(tmp_path: Path) -> None:
    first = opened(tmp_path)
    with pytest.raises(CommandError, match="another job writes to"):
        opened(tmp_path)
    first.release()
    opened(tmp_path).release()


def test_damaged_files_are_errors(tmp_path: Path) -> None:
    output = opened(tmp_path)
    output.add(rows("a"))
    output.flush()
    output.release()
    (tmp_path / "part-000000.parquet").write_bytes(b"PAR1")
    with pytest.raises(CommandError, match=r"part-000000\.parquet: "):
        done(tmp_path)
    (tmp_path / ABOUT).write_text("{")
    with pytest.raises(CommandError, match="is damaged"):
        opened(tmp_path)


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CommandError, match="--output .*/file/out: Not a directory"):
        opened(tmp_path / "file" / "out")


def test_rows_that_cannot_be_written_are_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = opened(tmp_path)
    output.add(rows("a"))

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Store, "write", fail)
    with pytest.raises(CommandError, match="No space left on device"):
        output.flush()
    output.release()


def test_rows_with_errors_are_forgotten_and_no_others(tmp_path: Path) -> None:
    output = opened(tmp_path)
    for table in (rows("a"), pa.concat_tables([rows("b"), rows("c", error="X: y")])):
        output.add(table)
        output.flush()
    output.add(rows("d", error="X: y"))
    output.flush()
    assert output.forget_errors() == 2
    assert output.done()["source"].to_pylist() == ["a", "b"]
    output.add(rows("c", "d"))
    output.flush()
    output.release()
    assert done(tmp_path) == ["a", "b", "c", "d"]


def test_the_folder_says_what_made_it(tmp_path: Path) -> None:
    opened(tmp_path).release()
    assert json.loads((tmp_path / ABOUT).read_text()) == MODEL


def test_a_folder_may_be_in_a_store() -> None:
    MemoryFileSystem.store.clear()
    for source in ("a", "b"):
        output = opened("memory://bucket/out")
        output.add(rows(source))
        output.flush()
        output.release()
    assert done("memory://bucket/out") == ["a", "b"]
    parts = fsspec.filesystem("memory").glob("/bucket/out/*")
    assert sorted(each.rpartition("/")[2] for each in parts) == [
        ABOUT,
        "part-000000.parquet",
        "part-000001.parquet",
    ]
