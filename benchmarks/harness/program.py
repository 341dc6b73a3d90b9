"""A program in a process group of its own: started, paused for a while, ended."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parents[2]
_STOP_SECONDS = 15.0
"""For a program to end after SIGTERM, before it is killed."""


class Program:
    """A running program and all that it starts; its output goes to a file."""

    def __init__(self, command: Sequence[str], paths: Sequence[Path], output: IO[str]) -> None:
        """Start it in the root of the repository, importing from there and from `paths`."""
        self._output = output
        self._process = subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (ROOT, *paths)))},
            start_new_session=True,
        )
        self.pid = self._process.pid

    def check(self) -> None:
        """Raise RuntimeError with the end of its output when it has ended."""
        if self._process.poll() is not None:
            raise RuntimeError(f"ended with {self._process.returncode}: {self.last_output()}")

    def last_output(self) -> str:
        """The last eight lines of its output."""
        self._output.seek(0)
        return "\n".join(self._output.read().strip().splitlines()[-8:]) or "no output"

    def pause(self) -> None:
        """Stop all its processes with SIGSTOP: they use no CPU until `resume`."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let them go on."""
        self._signal(signal.SIGCONT)

    def end(self) -> None:
        """Ask it to end, and kill what is left of it."""
        self.resume()
        self._signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_STOP_SECONDS)
        self._signal(signal.SIGKILL)
        self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)


@contextmanager
def started(command: Sequence[str], paths: Sequence[Path] = ()) -> Iterator[Program]:
    """The program, until the end of the block."""
    with tempfile.TemporaryFile("w+") as output:
        program = Program(command, paths, output)
        try:
            yield program
        finally:
            program.end()


def free_port() -> int:
    """A port of this machine that is not in use now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def own_paths() -> list[Path]:
    """Where this process imports from: for programs of the same environment."""
    return [Path(each) for each in sys.path if each]


def exit_on_sigterm() -> None:
    """Leave all `with` blocks at SIGTERM, as at Ctrl-C, so that no program stays behind."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
