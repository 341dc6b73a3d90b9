"""facewire-server in a process of its own, started again on its port."""

import re
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.harness import usage

OPTIONS = (("grpc.use_local_subchannel_pool", 1), ("grpc.max_send_message_length", -1))
"""Of a channel: a connection of its own, for messages of any size."""
_LABEL = re.compile(r'(\w+)="([^"]*)"')


def total(metrics: dict[str, float], name: str) -> float:
    """The sum of a metric over all its labels."""
    return sum(value for each, value in metrics.items() if each.partition("{")[0] == name)


class Server:
    """A server process with its log in a file; it keeps its ports when started again."""

    def __init__(self, log: Path, *arguments: str) -> None:
        """Start it. Raises SystemExit when it does not come up."""
        self.log = log
        self._arguments = arguments
        self._port = self._metrics_port = "0"
        self.target = ""
        self.start()

    @property
    def pid(self) -> int:
        """The process that was started last."""
        return self._process.pid

    def start(self) -> None:
        """Start it, also again after it has ended. Raises SystemExit."""
        begin = self.log.stat().st_size if self.log.exists() else 0
        ports = ("--port", self._port, "--metrics-port", self._metrics_port)
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "facewire_server", "serve", *ports, *self._arguments],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._process.stdout is not None
        with self._process.stdout as output:
            listening = re.search(r"listening on (\S+)$", output.readline())
        new = self.log.read_text()[begin:]
        if listening is None:
            self.kill()
            raise SystemExit(f"the server did not start:\n{new}")
        if metrics := re.search(r"metrics on port (\d+)", new):
            self._metrics_port = metrics[1]
        self.target = listening[1]
        self._port = self.target.rpartition(":")[2]

    def workers(self) -> list[int]:
        """The processes that it has started to serve."""
        _, *children = usage.tree(self.pid)
        return [each.pid for each in children if "spawn_main" in " ".join(each.cmdline())]

    def kill(self) -> None:
        """End it with SIGKILL."""
        self._process.kill()
        self._process.wait()

    def reload(self) -> None:
        """Ask it to reload its models."""
        self._process.send_signal(signal.SIGHUP)

    def stop(self) -> int:
        """Drain and end it; returns its exit status."""
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()
            return self._process.returncode

    def metrics(self) -> dict[str, float]:
        """The values of its metrics by names with labels. Raises OSError."""
        url = f"http://127.0.0.1:{self._metrics_port}/metrics"
        with urllib.request.urlopen(url, timeout=60) as answer:
            lines = answer.read().decode().splitlines()
        rows = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        return {name: float(value) for name, value in rows}

    def counts(self) -> Counter[tuple[str, str]]:
        """The requests that it has ended, by method and code."""
        counts: Counter[tuple[str, str]] = Counter()
        for name, value in self.metrics().items():
            if name.startswith("facewire_requests_total"):
                labels = dict(_LABEL.findall(name))
                counts[labels["method"], labels["code"]] += int(value)
        return counts

    def logged_errors(self) -> list[str]:
        """The lines of its log that tell of errors, one for each."""
        error = re.compile(r"\S+ (ERROR|CRITICAL) |Traceback")
        return [line for line in self.log.read_text().splitlines() if error.match(line)]


@contextmanager
def serving(*arguments: str) -> Iterator[Server]:
    """A server that is ready, without metrics, and that logs errors only."""
    quiet = ("--metrics-port", "off", "--log-level", "error")
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder) / "log", *quiet, *arguments)
        try:
            yield server
        finally:
            server.stop()
