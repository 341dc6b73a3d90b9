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
        self._process.stdin.write(json.dumps([name, *map(_plain, arguments)]) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert "error" not in answer, answer["error"]
        return answer["value"]


def _plain(argument: object) -> object:
    return str(argument) if isinstance(argument, Path) else argument


@contextmanager
def browsing() -> Iterator[Browser]:
    """A browser without a page; it ends with its standard input."""
    assert CHROMIUM is not None
    process = subprocess.Popen(
        ["node", DRIVER, CHROMIUM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        yield Browser(process)
