"""One `/metrics` for several processes, those that have ended included.

Rule: each process counts in its own memory and is asked for its numbers; one that does
not answer, or has ended, counts with those it gave last.
"""

import asyncio
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Metric

from facewire_server.telemetry import logs
from facewire_server.telemetry.metrics import Metrics
from facewire_server.telemetry.metrics_http import MetricsPort, serve_metrics
from facewire_server.workers.metric_sums import Report, counted, metrics, report, summed
from facewire_server.workers.process import WorkerProcess

COLLECT_SECONDS = 1.0
"""How often all processes are asked, so that one that dies takes no more along."""

ANSWER_SECONDS = 0.5
"""For a process to answer."""


class SharedMetrics:
    """The numbers of all processes, and of the supervisor. Runs on its event loop."""

    def __init__(self) -> None:
        self.own = Metrics()
        """What the supervisor counts."""
        logs.on_dropped(self.own.log_lines_dropped)
        self.restarts = Counter(
            "facewire_worker_restarts_total",
            "Processes that ended by themselves and were replaced.",
            registry=self.own.registry,
        )
        self.workers = Gauge(
            "facewire_workers", "Processes that serve.", registry=self.own.registry
        )
        self.workers.set_function(self._serving)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._asking = asyncio.Lock()
        self._processes: list[WorkerProcess] = []
        self._ended: Report = {}
        self._latest: Report = {}

    def add(self, process: WorkerProcess) -> None:
        """Has a process count; what it has counted stays when it ends."""
        self._processes.append(process)

    async def run(self) -> None:
        """Asks all processes again and again, until it is cancelled."""
        while True:
            await self.ask()
            await asyncio.sleep(COLLECT_SECONDS)

    async def ask(self) -> Report:
        """The numbers of all processes, of each once it has answered or had its time.

        They are not older than the question, but for a process that does not answer.
        """
        async with self._asking:
            asked = [process.ask() for process in self._processes]
            if asked:
                await asyncio.wait(asked, timeout=ANSWER_SECONDS)
            for process in tuple(self._processes):
                if process.ended.is_set():
                    self._processes.remove(process)
                    self._ended = summed((self._ended, counted(process.report)))
            reports = [process.report for process in self._processes]
            own = report(self.own.registry)
            self._latest = summed((own, self._ended, *reports))
            return self._latest

    def serve(self, host: str, port: int) -> MetricsPort:
        """See serve_metrics."""
        self._loop = asyncio.get_running_loop()
        registry = CollectorRegistry()
        registry.register(self)
        return serve_metrics(registry, host, port)

    def collect(self) -> Iterator[Metric]:
        """The metrics of all processes, for a scrape, on a thread of its own."""
        assert self._loop is not None, "it is not served"
        asking = asyncio.run_coroutine_threadsafe(self.ask(), self._loop)
        try:
            return metrics(asking.result(3 * ANSWER_SECONDS))
        except TimeoutError:
            return metrics(self._latest)

    def _serving(self) -> float:
        return sum(process.serves for process in tuple(self._processes))
