"""Clients of other servers, each in a process and an environment of its own."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from facewire.v1 import detect_pb2
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_server.models.source import DATA

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "open-inference.md"
PHOTO = DATA / "astronaut.jpg"


def python(client: str) -> Path:
    """The interpreter of a client's environment, which may be missing."""
    return ROOT / ".venv-clients" / client / "bin" / "python"


def needs(client: str) -> pytest.MarkDecorator:
    """A mark that leaves a test out where a client is missing."""
    reason = f"{client} is not here: scripts/clients installs it"
    return pytest.mark.skipif(not python(client).exists(), reason=reason)


def run(program: str | Path, code: str, *arguments: str | Path, data: bytes = b"") -> list[str]:
    """Run a program in a process of its own, which reads `data`; return the lines it prints."""
    # Without bytecode of what a client imports, each process spends seconds on compiling it.
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "proto"), "PYTHONDONTWRITEBYTECODE": ""}
    done = subprocess.run(
        [program, "-c", code, *arguments],
        input=data,
        capture_output=True,
        timeout=120,
        check=False,
        env=environment,
    )
    assert not done.returncode, done.stderr.decode()
    return done.stdout.decode().splitlines()


def snippet(part: str, language: str = "python") -> str:
    """The one program of the page that has this part."""
    programs = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (found,) = (each for each in programs if part in each)
    return str(found)


def detected(stub: DetectServiceStub, photo: bytes) -> list[list[float]]:
    """The edges and confidence of each box that Detect finds."""
    found = stub.Detect(detect_pb2.DetectRequest(encoded_image=photo), timeout=30).detections
    pairs = [(each.box, each.confidence) for each in found]
    return [[box.x_min, box.y_min, box.x_max, box.y_max, sure] for box, sure in pairs]


def printed(boxes: list[list[float]]) -> list[str]:
    """The lines that the programs of the page print for boxes."""
    return [
        f"{x_min:.1f} {y_min:.1f} {x_max:.1f} {y_max:.1f} {confidence:.2f}"
        for x_min, y_min, x_max, y_max, confidence in boxes
    ]
