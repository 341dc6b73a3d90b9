"""What goes wrong in a command is one line and an exit status."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from facewire_client.cli.edge import in_words

FAILING = """
import click
from facewire_client.cli import edge

@click.command()
def command():
    raise {error}

edge.run("facewire", lambda: command, lambda error: None)
"""


def run(error: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What a command says that ends with an error."""
    return subprocess.run(
        [sys.executable, "-c", FAILING.format(error=error)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | environment,
    )


def test_an_error_that_nobody_foresaw_is_one_line() -> None:
    done = run("ValueError('first\\nsecond')")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("facewire: unforeseen ValueError: first second")


def test_its_trace_is_shown_at_debug_level() -> None:
    done = run("ValueError('first')", FACEWIRE_LOG_LEVEL="debug")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("facewire: unforeseen ValueError")


def test_an_interruption_is_told_as_one() -> None:
    done = run("KeyboardInterrupt()")
    assert done.returncode == 128 + signal.SIGINT
    assert done.stderr.strip() == "facewire: interrupted"


def test_wrong_usage_is_told_as_such() -> None:
    done = run("click.UsageError('not so')")
    assert done.returncode == 2
    assert done.stderr.endswith("Error: not so\n")


def test_an_output_that_nobody_reads_leaves_no_trace(tmp_path: Path) -> None:
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
def test_an_error_is_put_into_words(error: Exception, words: str) -> None:
    assert in_words(error).startswith(words)
