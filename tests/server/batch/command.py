"""`facewire-server batch` as a process on a terminal, so that its progress can be read."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from select import select

_POSITION = re.compile(r" (\d+)/(\d+)\b")
_READ = 4096
_KEPT = 2000  # characters of what was shown last


class BatchCommand:
    """A running `facewire-server batch`."""

    def __init__(self, source: Path, output: Path, *options: str) -> None:
        """Start it."""
        self._terminal, slave = os.openpty()
        command = [sys.executable, "-m", "facewire_server", "batch", str(source)]
        self._process = subprocess.Popen(
            [*command, "--output", str(output), *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=slave,
            text=True,
        )
        os.close(slave)
        self._shown = ""
        self.pid = self._process.pid

    @property
    def pids(self) -> Sequence[int]:
        """Its process, which started all others."""
        return [self.pid]

    @property
    def done(self) -> int:
        """How many photos are done by now."""
        while select([self._terminal], [], [], 0)[0] and self._read():
            pass
        return self._position()[0]

    def wait_for(self, part: float) -> tuple[int, int]:
        """Return how many photos of how many are done, once that is this part of them.

        Raises RuntimeError when it ends before.
        """
        while True:
            done, total = self._position()
            if done >= part * total > 0:
                return done, total
            if not self._read():
                raise RuntimeError(f"the command ended before {part:.0%} of it: {self._shown}")

    def kill(self) -> None:
        """End it with SIGKILL."""
        self._process.send_signal(signal.SIGKILL)
        self._end()

    def finish(self) -> str:
        """Wait for its end, and return what it says then. Raises RuntimeError when it failed."""
        while self._read():
            pass
        said = self._end()
        if status := self._process.returncode:
            raise RuntimeError(f"the command ended with {status}: {self._shown}")
        return said

    def _position(self) -> tuple[int, int]:
        """How many photos of how many are done, as it was shown last."""
        seen: Sequence[tuple[str, str]] = _POSITION.findall(self._shown)
        return (int(seen[-1][0]), int(seen[-1][1])) if seen else (0, 0)

    def _read(self) -> bool:
        """Read what it has shown since; False: it has ended."""
        try:
            new = os.read(self._terminal, _READ)
        except OSError:  # no process has the terminal any more
            return False
        self._shown = (self._shown + new.decode(errors="replace"))[-_KEPT:]
        return True

    def _end(self) -> str:
        said, _ = self._process.communicate()
        os.close(self._terminal)
        return said.strip()
