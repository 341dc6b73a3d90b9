"""`facewire-server batch` as a process on a terminal, so that its progress can be read."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

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

    def wait_for(self, part: float) -> tuple[int, int]:
        """Return how many photos of how many are done, once that is this part of them.

        Raises RuntimeError when it ends before.
        """
        while self._read():
            seen: Sequence[tuple[str, str]] = _POSITION.findall(self._shown)
            if seen and int(seen[-1][0]) >= part * int(seen[-1][1]) > 0:
                return int(seen[-1][0]), int(seen[-1][1])
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
