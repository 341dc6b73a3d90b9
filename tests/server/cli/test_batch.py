"""`facewire-server batch`: what it says, and how signals end it."""

import logging
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from facewire_server.batch.run import Progress
from facewire_server.cli import batch as module
from facewire_server.cli.batch import Display, batch, summary
from facewire_server.config import BatchConfig
from facewire_server.errors import CommandError
from tests.server.batch.photos import FACE, write

ROWS_AT_ONCE = """
import os
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
from facewire_server.batch import output
output.SECONDS = 0.0
from facewire_server.__main__ import main
main()
"""
"""The command on two cores, which writes each unit of rows when it comes."""


def test_the_command_line_imports_no_ray() -> None:
    code = (
        "import sys, facewire_server.cli.serve, facewire_server.cli.batch;"
        " print([name for name in ('ray', 'pyarrow', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout == "[]\n"


def test_packages_that_are_missing_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None if name == "ray" else name)
    result = CliRunner().invoke(batch, [str(tmp_path), "--output", str(tmp_path / "out")])
    assert isinstance(result.exception, CommandError)
    assert str(result.exception) == ("batch needs more packages (ray): pip install 'facewire[ray]'")


def test_output_is_needed(tmp_path: Path) -> None:
    result = CliRunner().invoke(batch, [str(tmp_path)])
    assert (result.exit_code, "--output" in result.output) == (2, True)


def forget_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the environment without what the command adds, also after the test."""
    for name in module.VARIABLES | module.LOCAL_VARIABLES:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def test_settings_come_from_flags_and_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[tuple[str, str, BatchConfig]] = []

    def note(source: str, output: str, config: BatchConfig, report: object) -> Progress:
        given.append((source, output, config))
        return Progress(0, 3)

    forget_variables(monkeypatch)
    monkeypatch.setattr("facewire_server.batch.run.run", note)
    monkeypatch.setattr("facewire_server.telemetry.logs.set_up", lambda *_: None)
    arguments = ["photos", "--output", "out", "--max-side", "7", "--retry-errors"]
    result = CliRunner().invoke(
        batch, arguments, auto_envvar_prefix="FACEWIRE", env={"FACEWIRE_MIN_CONFIDENCE": "0.25"}
    )
    assert (result.exit_code, result.output) == (0, "no new photos; 3 were there before\n")
    expected = BatchConfig(max_side=7, retry_errors=True, min_confidence=0.25)
    assert given == [("photos", "out", expected)]
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"


@pytest.mark.parametrize(("options", "is_quiet"), [([], True), (["--ray", "auto"], False)])
def test_only_a_cluster_of_its_own_keeps_its_metrics_to_itself(
    options: list[str], is_quiet: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget_variables(monkeypatch)
    monkeypatch.setenv("REPORTER_UPDATE_INTERVAL_MS", "7")  # what the user has set stays
    monkeypatch.setattr("facewire_server.batch.run.run", lambda *_: Progress(0, 3))
    monkeypatch.setattr("facewire_server.telemetry.logs.set_up", lambda *_: None)
    result = CliRunner().invoke(batch, ["photos", "--output", "out", *options])
    assert result.exit_code == 0
    assert ("RAY_enable_metrics_collection" in os.environ) == is_quiet
    assert os.environ["REPORTER_UPDATE_INTERVAL_MS"] == "7"


def test_the_summary_counts_photos_faces_and_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    progress = Progress(total=9, before=0, photos=9, faces=12, started=100.0, first=(1, 102.5))
    monkeypatch.setattr("time.monotonic", lambda: 104.5)
    assert summary(progress) == (
        "9 photos, 12 faces, no errors; 4.5 s with the start, 4.0 photos a second after it"
    )
    progress.first = (9, 102.5)
    progress.errors = Counter(CORRUPT_IMAGE=1, UNREADABLE=2)
    progress.before = 4
    assert summary(progress) == (
        "9 photos, 12 faces, 2 UNREADABLE, 1 CORRUPT_IMAGE; 4.5 s; 4 were there before"
    )


def test_without_a_terminal_a_line_comes_now_and_then(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    times = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: times[-1])
    progress = Progress(total=90, before=0, photos=30, started=80.0, first=(10, 100.0))
    with caplog.at_level(logging.INFO), Display() as display:
        for now in (101.0, 109.0, 110.0, 111.0, 121.0):
            times.append(now)
            display.show(progress)
    assert caplog.messages == [
        "30 of 90 photos, 0 errors, 2.0/s",
        "30 of 90 photos, 0 errors, 1.0/s",
    ]


def test_a_terminal_shows_a_bar(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with Display() as display:
        for photos in (0, 30, 90):
            display.show(Progress(90, 0, photos, errors=Counter(INTERNAL=1), first=(1, 0.0)))
    shown = capsys.readouterr().err
    assert re.search(r"photos .*90/90 .*1 errors, .*/s", shown.splitlines()[-1])


def start(photos: Path, out: Path) -> "subprocess.Popen[str]":
    arguments: list[str | Path] = ["batch", photos, "--output", out]
    return subprocess.Popen(
        [sys.executable, "-c", ROWS_AT_ONCE, *arguments],
        env={**os.environ, "RAY_worker_niceness": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def parts(out: Path) -> int:
    return len(list(out.glob("part-*.parquet")))


def test_a_job_that_was_ended_goes_on_by_the_same_command(tmp_path: Path) -> None:
    photos = write(tmp_path / "photos", {f"{number:04}.jpg": FACE for number in range(1000)})
    out = tmp_path / "out"
    for number, status, said in (
        (signal.SIGKILL, -9, ""),
        (signal.SIGTERM, 143, "stopped; the same command goes on where this one was\n"),
    ):
        with start(photos, out) as process:
            before = parts(out)
            while parts(out) == before:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(0.05)
                    raise AssertionError(process.communicate())
            process.send_signal(number)
            output, errors = process.communicate(timeout=60)
        assert (process.returncode, output) == (status, "")
        assert errors.endswith(said) and "Traceback" not in errors
    before = pq.read_table(out).num_rows
    with start(photos, out) as process:
        output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert re.fullmatch(
        rf"{1000 - before} photos, {1000 - before} faces, no errors; .* a second after it;"
        rf" {before} were there before\n",
        output,
    )
    sources = pq.read_table(out)["source"].to_pylist()
    assert sorted(sources) == sorted(map(str, photos.iterdir()))
