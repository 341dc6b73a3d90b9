"""A server in a process of its own, and what it costs: for benchmarks that need both."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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
    """A number of /proc/PID/status, such as VmRSS (kB) or Threads."""
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == key:
            return int(value.split()[0])
    raise KeyError(key)


def cpu_seconds(process: subprocess.Popen[str]) -> float:
    """CPU time used so far by all threads of a process, in seconds."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100
