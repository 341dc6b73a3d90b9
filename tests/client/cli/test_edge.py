"""The errors of a command: one line and an exit status."""

import errno
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from facewire.v1 import detect_pb2 as pb
from facewire_client.cli.edge import in_words
from facewire_server.models.source import DATA
from tests.client.fake_server import FakeServer

PHOTO = str(DATA / "astronaut.jpg")

FAILING = """
import click
from facewire_client.cli import edge

@click.command()
def command():
    raise {error}

edge.run("facewire", lambda: command, lambda error: None)
"""


def run(error: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command that raises this error."""
    return subprocess.run(
        [sys.executable, "-c", FAILING.format(error=error)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | environment,
    )


def test_an_unexpected_error_is_one_line() -> None:
    done = run("ValueError('first\\nsecond')")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("facewire: unforeseen ValueError: first second")


def test_its_traceback_is_shown_at_debug_level() -> None:
    done = run("ValueError('first')", FACEWIRE_LOG_LEVEL="debug")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("facewire: unforeseen ValueError")


def test_an_interruption_has_a_status_of_its_own() -> None:
    done = run("KeyboardInterrupt()")
    assert done.returncode == 128 + signal.SIGINT
    assert done.stderr.strip() == "facewire: interrupted"


def test_wrong_usage_has_a_status_of_its_own() -> None:
    done = run("click.UsageError('not so')")
    assert done.returncode == 2
    assert done.stderr.endswith("Error: not so\n")


def test_a_closed_output_pipe_shows_no_traceback(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "facewire_client", "--help"],
        check=False,
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    os.close(write)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOENT, "No such file", "a/b"), "a/b: No such file"),
        (OSError(errno.ENOSPC, "No space"), "No space"),
        (MemoryError(), "there is no memory left"),
        (RuntimeError(), "unforeseen RuntimeError()"),
        (OSError("odd"), "unforeseen OSError: odd"),
    ],
)
def test_an_error_is_described_in_one_line(error: Exception, words: str) -> None:
    assert in_words(error).startswith(words)


def interrupted(process: "subprocess.Popen[bytes]") -> tuple[bytes, bytes]:
    """Interrupt a process and return its output.

    Repeated, because Python drops a KeyboardInterrupt that is raised in a callback of a library.
    """
    for _ in range(3):
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=15)
    raise AssertionError("it is not interrupted")


def test_an_interrupt_is_one_line(fake: FakeServer) -> None:
    asked = threading.Event()

    def answer(request: pb.DetectRequest) -> pb.DetectResponse:
        asked.set()
        return fake.hang(request)

    fake.answer = answer
    process = subprocess.Popen(
        [sys.executable, "-m", "facewire_client", "detect", PHOTO, "--server", fake.target],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert asked.wait(60)
    output, errors = interrupted(process)
    assert (process.returncode, output) == (130, b"")
    assert errors.strip() == b"facewire: interrupted"


def test_an_unexpected_error_of_the_command_is_one_line(tmp_path: Path) -> None:
    code = """
import sys
from facewire_client.cli import root
def fault(*args, **kwargs):
    raise RuntimeError("a fault\\x1b")
root.root.main = fault
from facewire_client.__main__ import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, timeout=60
    )
    assert done.returncode == 1
    where = b"(FACEWIRE_LOG_LEVEL=debug shows where)"
    message = b"facewire: unforeseen RuntimeError: a fault\\x1b " + where
    assert done.stderr == message + b"\n"
