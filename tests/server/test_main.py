"""`facewire-server` as a process: an error is one line and an exit status."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.server.process import command


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "facewire_server", *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("model", ["face-detection-9000", "nowhere.xml"])
def test_an_unknown_model_is_reported_in_one_line(model: str) -> None:
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


def test_missing_packages_are_reported_with_what_to_install() -> None:
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


FAULT = """
import sys
from facewire_server.security import warning
from facewire_server.__main__ import main
def fault(config):
    raise RuntimeError("a fault of ours")
warning.security_warning = fault
sys.argv[1:] = ["serve", "--port", "0", "--log-level", sys.argv[1]]
main()
"""


@pytest.mark.parametrize(("level", "traces"), [("debug", 1), ("info", 0)])
def test_a_traceback_is_shown_only_at_debug_level(tmp_path: Path, level: str, traces: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FAULT, level],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
    )
    assert done.returncode == 1
    assert done.stderr.count("Traceback") == traces
    last = done.stderr.splitlines()[-1]
    assert last.startswith("facewire-server: unforeseen RuntimeError: a fault of ours")


def test_closed_standard_streams_are_replaced(tmp_path: Path) -> None:
    """The first socket or file would be opened in its place."""
    script = f"exec {sys.executable} -m facewire_server models list 0<&- 1>&- 2>&-"
    done = subprocess.run(["sh", "-c", script], check=False, timeout=60, cwd=tmp_path)
    assert done.returncode == 0
    script = f"exec {sys.executable} -m facewire_server serve --model no.xml 1>&- 2>&-"
    done = subprocess.run(["sh", "-c", script], check=False, timeout=60, cwd=tmp_path)
    assert done.returncode == 1


def test_a_full_output_is_reported_in_one_line(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command("models", "list"),
            check=False,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
    assert done.returncode == 1
    assert done.stderr == "facewire-server: No space left on device\n"
