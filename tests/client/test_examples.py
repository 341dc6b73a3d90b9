"""The examples, run unchanged against a real server."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from facewire_server.lifecycle.background import BackgroundServer
from facewire_server.models.source import DATA

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

pytestmark = pytest.mark.skipif(
    not EXAMPLES.exists(), reason="the examples are not beside the tests"
)


def run(example: str, *arguments: str | Path) -> list[str]:
    """Return the lines that an example prints."""
    command = [sys.executable, EXAMPLES / example, *arguments]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    return done.stdout.splitlines()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a photo of one face, and with a file that is no photo."""
    shutil.copy(DATA / "astronaut.jpg", tmp_path / "a.jpg")
    (tmp_path / "b.jpg").write_bytes(b"no photo")
    return tmp_path


def test_detect_prints_the_faces_of_photos(real: BackgroundServer, folder: Path) -> None:
    photo, broken = folder / "a.jpg", folder / "b.jpg"
    first, second, third = run("detect.py", real.target, photo, broken)
    assert first == f"{photo}: 1 faces"
    assert second.startswith("  ")
    assert third.startswith(f"{broken}: ")
    assert third.endswith("(UNSUPPORTED_FORMAT)")


def test_stream_counts_the_faces_in_a_folder(real: BackgroundServer, folder: Path) -> None:
    first, second = run("stream.py", real.target, folder)
    assert first == "a.jpg: 1 faces"
    assert second.endswith("(UNSUPPORTED_FORMAT)")
