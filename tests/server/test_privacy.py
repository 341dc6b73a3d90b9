"""The server and its libraries open no connections, and write nothing into the home folder.

Rule: the sockets of Python are watched, which is what such libraries use.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

from facewire_server.models.source import DATA
from tests.server.process import command

WATCH = """
import json, os, sys

def note(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        place = arguments[-1] if event != "socket.getaddrinfo" else arguments[0]
        path = os.path.join(os.environ["WATCHED"], f"{os.getpid()}.events")
        with open(path, "a") as file:
            file.write(json.dumps([event, repr(place)]) + "\\n")

sys.addaudithook(note)
"""
"""Runs at the start of each Python process, and of those that it starts."""

IN_CI = ("CI", "TF_BUILD", "JENKINS_URL")
"""Variables by which OpenVINO sends nothing anyway."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A folder for processes that record their connections, with a home of their own."""

    folder: Path

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if key not in IN_CI}
        return kept | {
            "HOME": str(self.home),
            "XDG_CACHE_HOME": str(self.folder / "cache"),
            "PYTHONPATH": str(self.folder),
            "WATCHED": str(self.folder),
        }

    def foreign(self) -> list[tuple[str, str]]:
        """The connections and look-ups beyond this machine, of all processes."""
        files = list(self.folder.glob("*.events"))
        lines = [line for file in files for line in file.read_text().splitlines()]
        events = [(event, place) for event, place in map(json.loads, lines)]
        return [
            (event, place)
            for event, place in events
            if not any(own in place for own in ("127.0.0.1", "::1", "localhost"))
            and not place.startswith(("'/", "b'"))  # a socket in the file system
        ]


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    (tmp_path / "sitecustomize.py").write_text(WATCH)
    watched = Watched(tmp_path)
    watched.home.mkdir()
    yield watched


def test_a_connection_of_a_process_is_recorded(watched: Watched) -> None:
    # A datagram socket sends nothing when it connects.
    code = "from socket import *; socket(type=SOCK_DGRAM).connect_ex(('192.0.2.1', 9))"
    subprocess.run([sys.executable, "-c", code], env=watched.environment, check=True, timeout=60)
    assert watched.foreign() == [("socket.connect", "('192.0.2.1', 9)")]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_server_opens_no_connection(watched: Watched, workers: str) -> None:
    process = subprocess.Popen(
        command("serve", "--port", "0", "--metrics-port", "0", "--workers", workers),
        env=watched.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            assert "listening on" in process.stdout.readline()
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        finally:
            process.kill()
    assert watched.foreign() == []
    assert list(watched.home.rglob("*")) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("demo",),
        ("models", "info", "face-detection-nano"),
        pytest.param(
            ("quantize", "face-detection-nano", "--images", str(DATA)),
            marks=pytest.mark.skipif(find_spec("nncf") is None, reason="needs NNCF"),
        ),
    ],
)
def test_a_command_opens_no_connection(watched: Watched, arguments: tuple[str, ...]) -> None:
    subprocess.run(
        command(*arguments),
        env=watched.environment,
        cwd=watched.folder,
        check=True,
        capture_output=True,
        timeout=60,
    )
    assert watched.foreign() == []
    assert list(watched.home.rglob("*")) == []


def test_importing_the_core_opens_no_connection(
    watched: Watched,
) -> None:
    subprocess.run(
        [sys.executable, "-c", "import facewire_server.inference.detector"],
        env=watched.environment,
        check=True,
        timeout=60,
    )
    assert watched.foreign() == []
    assert list(watched.home.rglob("*")) == []
