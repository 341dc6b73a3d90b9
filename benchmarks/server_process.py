"""A server in a process of its own, and what it costs: for benchmarks that need both."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks import proc


@contextmanager
def serving(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server process that is ready, and where it listens. Its log is dropped."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "facewire_server", "serve"),
            *("--port", "0", "--metrics-port", "off", "--log-level", "error"),
            *arguments,
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            found = re.search(r"listening on (\S+)$", process.stdout.readline())
            if found is None:
                raise SystemExit("the server did not start; its message is above")
            yield process, found[1]
        finally:
            process.terminate()


def status(process: subprocess.Popen[str], key: str) -> int:
    """See `proc.status`."""
    return proc.status(process.pid, key)


def cpu_seconds(process: subprocess.Popen[str]) -> float:
    """See `proc.cpu_seconds`."""
    return proc.cpu_seconds(process.pid)
