"""A program with a process group to itself: started, stopped for a while, ended."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from benchmarks import proc

ROOT = Path(__file__).parents[2]
_PATIENCE = 15.0
"""Seconds to end after SIGTERM."""


class ProcessGroup:
    """A program and all that it starts; what it says goes to a file."""

    def __init__(self, command: Sequence[str], paths: Sequence[Path], said: IO[str]) -> None:
        """Starts it in the root of the repository, with these paths for imports."""
        self._said = said
        self._process = subprocess.Popen(
            command,
            stdout=self._said,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env=_environment(paths),
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """The process that leads the group."""
        return self._process.pid

    @property
    def members(self) -> list[int]:
        """All processes of the group."""
        return proc.group(self.pid)

    def check(self) -> None:
        """Raises RuntimeError with its last words when it has ended."""
        if self._process.poll() is not None:
            status = self._process.returncode
            raise RuntimeError(f"ended with {status}: {self.last_words()}")

    def last_words(self) -> str:
        """The end of what it said."""
        self._said.seek(0)
        return "\n".join(self._said.read().strip().splitlines()[-8:]) or "no word"

    def pause(self) -> None:
        """Stops all its processes: they cannot use the CPU until `resume`."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Lets them go on."""
        self._signal(signal.SIGCONT)

    def end(self) -> None:
        """Asks it to end, and makes it end when it does not."""
        self.resume()
        self._signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_PATIENCE)
        self._signal(signal.SIGKILL)
        self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)


@contextmanager
def started(command: Sequence[str], paths: Sequence[Path] = ()) -> Iterator[ProcessGroup]:
    """The program, until the end of the block."""
    with tempfile.TemporaryFile("w+") as said:
        running = ProcessGroup(command, paths, said)
        try:
            yield running
        finally:
            running.end()


def run(command: Sequence[str], paths: Sequence[Path] = ()) -> str:
    """What a program writes to standard output. Raises RuntimeError when it fails."""
    done = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=_environment(paths),
    )
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["no word"]
        raise RuntimeError(f"ended with {done.returncode}: {said[-1]}")
    return done.stdout


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def own_paths() -> list[Path]:
    """Where this process imports from: for programs of the same environment."""
    return [Path(each) for each in sys.path if each]


def _environment(paths: Sequence[Path]) -> Mapping[str, str]:
    inherited = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return inherited | {"PYTHONPATH": os.pathsep.join(map(str, (ROOT, *paths)))}
