"""The commands of facewire-server, but for serve, as a person runs them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


def run(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "facewire_server", *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=cwd,
    )


def test_the_demo_finds_the_face_and_writes_the_picture(tmp_path: Path) -> None:
    done = run("demo", "--output", str(tmp_path / "new"))
    assert done.returncode == 0, done.stderr
    assert "face-detection-nano" in done.stdout
    assert (tmp_path / "new" / "astronaut-faces.jpg").stat().st_size > 10_000


def test_the_demo_writes_into_the_working_folder_unless_told(tmp_path: Path) -> None:
    assert run("demo", cwd=tmp_path).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["astronaut-faces.jpg"]


def test_the_demo_refuses_what_is_no_image_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "words.jpg"
    path.write_text("these are words")
    done = run("demo", str(path), "--output", str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith("facewire-server: ")
    assert "Traceback" not in done.stderr


def test_the_embedded_model_is_described() -> None:
    done = run("models", "info", "face-detection-nano", "--json")
    assert done.returncode == 0, done.stderr
    described = json.loads(done.stdout)
    assert described["head"] == "ATSS raw"
    assert described["labels"] == ["face"]
    assert (described["input_width"], described["input_height"]) == (320, 320)


@pytest.mark.parametrize("model", ["face-detection-9000", "nowhere.xml"])
def test_an_unknown_model_is_one_plain_line(model: str) -> None:
    done = run("models", "info", model)
    assert done.returncode == 1
    assert done.stderr.startswith("facewire-server: ")
    assert model in done.stderr
    assert done.stderr.count("\n") == 1


BLOCK = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"numpy", "openvino", "cv2", "PIL", "simplejpeg"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocked())
from facewire_server.__main__ import main
sys.argv = ["facewire-server", "serve"]
main()
"""


def test_without_the_servers_packages_it_says_what_to_type() -> None:
    done = subprocess.run(
        [sys.executable, "-c", BLOCK],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "pip install 'facewire[server]'" in done.stderr
    assert "Traceback" not in done.stderr
