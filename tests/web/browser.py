"""Chromium without a window, driven through Playwright by a process of Node."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = Path(__file__).with_suffix(".mjs")


class Browser:
    """Calls the functions of browser.mjs."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def do(self, name: str, *arguments: object) -> Any:
        """Call one function; returns what it returns. Raises AssertionError with its error."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([name, *arguments], default=str) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert "error" not in answer, answer["error"]
        return answer["value"]


@contextmanager
def browsing(camera: Path) -> Iterator[Browser]:
    """A browser without a page. `camera` is a file of MJPEG, which its camera plays again and
    again.
    """
    assert CHROMIUM is not None
    process = subprocess.Popen(
        ["node", DRIVER, CHROMIUM, camera],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        # The end of the context closes the standard input, at which the process ends.
        yield Browser(process)
