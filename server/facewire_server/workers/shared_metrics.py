"""One `/metrics` for several processes, those that have ended included.

prometheus-client keeps the numbers of each process in files, in a folder that it finds
in the environment when it is imported there.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from facewire_server.metrics_server import serve_metrics

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


class SharedMetrics:
    """The numbers of all processes while it is open, and of who looks after them."""

    def __init__(self) -> None:
        self._folder = tempfile.mkdtemp(prefix="facewire-metrics-")
        self._registry = CollectorRegistry()
        MultiProcessCollector(self._registry, self._folder)
        self.workers = Gauge(
            "facewire_workers",
            "Processes that serve.",
            registry=self._registry,
        )
        self.restarts = Counter(
            "facewire_worker_restarts_total",
            "Processes that ended by themselves and were replaced.",
            registry=self._registry,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def serve(self, host: str, port: int) -> int:
        """See serve_metrics."""
        return serve_metrics(self._registry, host, port)

    @contextmanager
    def inherited(self) -> Iterator[None]:
        """Processes that are started meanwhile count here."""
        os.environ[VARIABLE] = self._folder
        try:
            yield
        finally:
            del os.environ[VARIABLE]

    def ended(self, pid: int) -> None:
        """Forgets what a process had in flight; what it has counted stays."""
        mark_process_dead(pid, self._folder)
