"""The six programs of examples/, as scripts/examples builds them."""

import json
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

COMMANDS: dict[str, list[str | Path]] = {
    "go": [EXAMPLES / "go/detect"],
    "java": ["java", "-XX:TieredStopAtLevel=1", "-jar", EXAMPLES / "java/target/detect.jar"],
    "node": ["node", EXAMPLES / "node/dist/detect.js"],
    "rust": [EXAMPLES / "rust/target/release/detect"],
    "cpp": [EXAMPLES / "cpp/build/detect"],
    "python": [sys.executable, EXAMPLES / "python/detect.py"],
}


class Output(NamedTuple):
    """What a program printed: its lines of JSON, its standard error, and its exit status."""

    lines: list[Any]
    errors: str
    status: int

    @property
    def faults(self) -> list[tuple[str, str]]:
        """Code and reason of each photo; all must have failed."""
        return [(line["error"]["code"], line["error"]["reason"]) for line in self.lines]


class Program:
    """The program of one language."""

    def __init__(self, language: str) -> None:
        self._command = COMMANDS[language]
        if not Path(self._command[-1]).exists():
            pytest.skip(f"examples/{language} is not built; scripts/examples builds it")

    def __call__(self, *arguments: str | Path) -> Output:
        done = subprocess.run(
            [*self._command, *arguments], capture_output=True, text=True, timeout=120, check=False
        )
        lines = [json.loads(line, parse_float=_single) for line in done.stdout.splitlines()]
        return Output([comparable(line) for line in lines], done.stderr, done.returncode)


def comparable(line: dict[str, Any]) -> dict[str, Any]:
    """Return a line without what may differ between languages: messages of gRPC and of files."""
    error = line.get("error")
    if error is not None and error["reason"] in ("", "UNREADABLE_FILE"):
        assert error.pop("message")
    return line


def failed(image: Path, code: str, reason: str = "", message: str = "") -> dict[str, Any]:
    """Return the comparable line of a photo that failed; without a message, it is any."""
    error = {"code": code, "reason": reason}
    if message:
        error["message"] = message
    return {"image": str(image), "error": error}


def _single(text: str) -> float:
    """Read a number in single precision, which all messages have."""
    value: float
    (value,) = struct.unpack("f", struct.pack("f", float(text)))
    return value
