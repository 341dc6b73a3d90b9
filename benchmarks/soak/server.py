"""The server that is put to the test: started, killed and started again on its port."""

import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections import Counter
from pathlib import Path

from benchmarks.process_tree import processes

_LABEL = re.compile(r'(\w+)="([^"]*)"')


class Server:
    """A server process with its log in a file; it has the same ports in every life."""

    def __init__(self, log: Path, *arguments: str) -> None:
        """Starts it. Raises SystemExit when it does not come up."""
        self.log = log
        self._arguments = arguments
        self._port = self._metrics_port = "0"
        self.target = ""
        self.process = self._start()

    def start(self) -> None:
        """Another life, after one has ended."""
        self.process = self._start()

    def processes(self) -> list[int]:
        """Its process and those that it has started."""
        return list(processes(self.process.pid))

    def workers(self) -> list[int]:
        """Those that it has started to serve."""
        return [
            pid
            for pid in self.processes()
            if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]

    def kill(self) -> None:
        """Ends it as the kernel does, without a word."""
        self.process.kill()
        self.process.wait()

    def reload(self) -> None:
        """Has it reload its models."""
        self.process.send_signal(signal.SIGHUP)

    def stop(self) -> int:
        """Has it drain; returns its exit status."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()
            return self.process.returncode

    def metrics(self) -> dict[str, float]:
        """Its numbers by their names with labels. Raises OSError."""
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

    def reloads(self) -> int:
        """How often a model was reloaded."""
        name = "facewire_model_reloads_total"
        metrics = self.metrics()
        return int(sum(metrics[each] for each in metrics if each.startswith(name)))

    def complaints(self) -> list[str]:
        """The lines of its log that tell of errors, one for each."""
        lines = self.log.read_text().splitlines()
        told = re.compile(r"\S+ (ERROR|CRITICAL) |Traceback")
        return [line for line in lines if told.match(line)]

    def _start(self) -> subprocess.Popen[str]:
        begin = os.path.getsize(self.log) if self.log.exists() else 0
        with self.log.open("a") as log:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "facewire_server", "serve"),
                    *("--port", self._port, "--metrics-port", self._metrics_port),
                    *self._arguments,
                ],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert process.stdout is not None
        with process.stdout:
            listening = re.search(r"listening on (\S+)$", process.stdout.readline())
        new = self.log.read_text()[begin:]
        metrics = re.search(r"metrics on port (\d+)", new)
        if listening is None or metrics is None:
            process.kill()
            raise SystemExit(f"the server did not start:\n{new}")
        self.target, self._metrics_port = listening[1], metrics[1]
        self._port = self.target.rpartition(":")[2]
        return process
