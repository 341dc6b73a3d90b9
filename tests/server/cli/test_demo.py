"""`facewire-server demo`, as a person runs it."""

import subprocess
import sys
from pathlib import Path

from tests.server.process import command
from tests.server.strangers import as_stranger


def run(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "facewire_server", "demo", *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=cwd,
    )


def test_the_demo_finds_the_face_and_writes_the_picture(tmp_path: Path) -> None:
    done = run("--output", str(tmp_path / "new"))
    assert done.returncode == 0, done.stderr
    assert "face-detection-nano" in done.stdout
    assert (tmp_path / "new" / "astronaut-faces.jpg").stat().st_size > 10_000


def test_the_demo_writes_into_the_working_folder_by_default(tmp_path: Path) -> None:
    assert run(cwd=tmp_path).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["astronaut-faces.jpg"]


def test_the_demo_reports_a_bad_image_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "words.jpg"
    path.write_text("these are words")
    done = run(str(path), "--output", str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith("facewire-server: ")
    assert "Traceback" not in done.stderr


def test_an_unwritable_output_folder_is_reported_in_one_line(tmp_path: Path) -> None:
    demo = command("demo", "--output", str(tmp_path / "new"))
    done = subprocess.run(
        as_stranger(demo),
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("facewire-server: ")
    assert line.endswith("new: Permission denied")
