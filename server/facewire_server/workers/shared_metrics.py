"""One `/metrics` for all processes of a server, those that have ended included.

Rule: each process counts in its own memory and sends its metrics on request; one that does
not answer, or has ended, counts with those it sent last.
"""

import asyncio
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Metric

from facewire_server.telemetry import logs
from facewire_server.telemetry.metrics import Metrics
from facewire_server.telemetry.metrics_http import MetricsPort, serve_metrics
from facewire_server.workers.metric_sums import (
    Families,
    read_families,
    sum_families,
    to_metrics,
    without_gauges,
)
from facewire_server.workers.process import WorkerProcess

COLLECT_SECONDS = 1.0
"""Seconds between two rounds; a worker that is killed loses at most what it counted since."""

ANSWER_SECONDS = 0.5
"""Seconds for a process to answer."""


class SharedMetrics:
    """The metrics of all workers and of the supervisor, on whose event loop it runs."""

    def __init__(self) -> None:
        self.own = Metrics()
        """The metrics of the supervisor."""
        logs.on_dropped(self.own.log_lines_dropped)
        self.restarts = Counter(
            "facewire_worker_restarts_total",
            "Processes that ended by themselves and were replaced.",
            registry=self.own.registry,
        )
        self.workers = Gauge(
            "facewire_workers", "Processes that serve.", registry=self.own.registry
        )
        self.workers.set_function(self._count_serving)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = asyncio.Lock()  # one round at a time: of a scrape, or of `run`
        self._processes: list[WorkerProcess] = []
        self._ended: Families = {}
        self._latest: Families = {}

    def add(self, process: WorkerProcess) -> None:
        """Include a process; what it has counted stays when it ends."""
        self._processes.append(process)

    async def run(self) -> None:
        """Collect from all processes every COLLECT_SECONDS, until it is cancelled."""
        while True:
            await self.update()
            await asyncio.sleep(COLLECT_SECONDS)

    async def update(self) -> Families:
        """Collect from all processes; return the sums after all answers, or ANSWER_SECONDS.

        The values are no older than this call, except for a process that does not answer.
        """
        async with self._lock:
            answers = [process.collect() for process in self._processes]
            if answers:
                await asyncio.wait(answers, timeout=ANSWER_SECONDS)
            for process in tuple(self._processes):
                if process.ended.is_set():
                    self._processes.remove(process)
                    self._ended = sum_families((self._ended, without_gauges(process.metrics)))
            running = [process.metrics for process in self._processes]
            own = read_families(self.own.registry)
            self._latest = sum_families((own, self._ended, *running))
            return self._latest

    def serve(self, host: str, port: int) -> MetricsPort:
        """Serve them over HTTP; see serve_metrics."""
        self._loop = asyncio.get_running_loop()
        registry = CollectorRegistry()
        registry.register(self)
        return serve_metrics(registry, host, port)

    def collect(self) -> Iterator[Metric]:
        """The metrics of all processes, for a scrape.

        prometheus-client calls it by this name, on a thread of the HTTP server.
        """
        assert self._loop is not None, "it is not served"
        update = asyncio.run_coroutine_threadsafe(self.update(), self._loop)
        try:
            return to_metrics(update.result(3 * ANSWER_SECONDS))
        except TimeoutError:
            return to_metrics(self._latest)

    def _count_serving(self) -> float:
        return sum(process.is_serving for process in tuple(self._processes))
