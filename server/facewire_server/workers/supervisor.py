"""Looking after several processes that serve on one port.

Rule: it serves nothing itself but the metrics of all, so that nothing a caller sends
can end it. A worker that ends by itself is replaced.
"""

import asyncio
import logging
import signal
from collections.abc import Callable
from dataclasses import replace

from facewire_server.addresses import target_of
from facewire_server.config import Config, available_core_numbers
from facewire_server.errors import ModelError
from facewire_server.service.run import SIGNALS, signalled
from facewire_server.workers.process import WorkerProcess
from facewire_server.workers.shared_metrics import SharedMetrics
from facewire_server.workers.shared_port import SharedPort
from facewire_server.workers.worker import SetUpLog

logger = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds before a worker is replaced that does not come up: doubled each time."""

LAST_SECONDS = 5.0
"""For workers to end by themselves after the grace of their requests."""


async def supervise(
    config: Config, set_up_log: SetUpLog, announce: Callable[[str], None]
) -> None:
    """Serves with `config.workers` processes, as `facewire_server.service.run.run`."""
    with SharedPort(config.host, config.port) as port, SharedMetrics() as metrics:
        if config.metrics_port is not None:
            found = metrics.serve(config.metrics_host, config.metrics_port)
            logger.info("metrics on port %d", found)
        part = replace(config, port=port.port, metrics_port=None)
        supervisor = Supervisor(part, set_up_log, metrics)
        stop = asyncio.ensure_future(signalled(SIGNALS).wait())
        start = asyncio.ensure_future(supervisor.start())
        try:
            await asyncio.wait((stop, start), return_when=asyncio.FIRST_COMPLETED)
            if start.done():
                start.result()
                announce(f"listening on {target_of(config.host, port.port)}")
            await stop
        finally:
            start.cancel()
            await supervisor.end()


class Supervisor:
    """The processes of one server. Runs on an event loop."""

    def __init__(
        self, config: Config, set_up_log: SetUpLog, metrics: SharedMetrics
    ) -> None:
        self._config = config
        self._set_up_log = set_up_log
        self._metrics = metrics
        self._cores = split(available_core_numbers(), config.workers)
        self._processes: dict[int, WorkerProcess] = {}
        self._watching: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Starts all workers, and has them say so together. Raises ModelError."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._reload)
        # The first one alone: it fills the cache, and the others start from that.
        await self._started(0).loaded
        rest = [self._started(number) for number in range(1, self._config.workers)]
        await asyncio.gather(*(process.loaded for process in rest))
        for process in self._processes.values():
            process.let_in()
            self._watching.append(asyncio.create_task(self._watch(process)))
        self._metrics.workers.set(self._config.workers)

    async def end(self) -> None:
        """Has all workers drain, and returns when they have ended."""
        for task in self._watching:
            task.cancel()
        logger.info("ending %d workers", len(self._processes))
        self._signal(signal.SIGTERM)
        endings = [process.ended.wait() for process in self._processes.values()]
        try:
            async with asyncio.timeout(self._config.grace + LAST_SECONDS):
                await asyncio.gather(*endings)
        except TimeoutError:
            logger.warning("workers did not end, and are killed")
            self._signal(signal.SIGKILL)

    def _started(self, number: int, *, replaces: bool = False) -> WorkerProcess:
        with self._metrics.inherited():
            process = WorkerProcess(
                self._config,
                number,
                self._cores[number],
                self._set_up_log,
                replaces=replaces,
            )
        self._processes[number] = process
        return process

    async def _watch(self, process: WorkerProcess) -> None:
        """Replaces a worker whenever it ends."""
        while True:
            await process.ended.wait()
            self._metrics.workers.dec()
            logger.error(
                "worker %d ended with status %d, and is replaced",
                process.number,
                process.status,
            )
            self._metrics.ended(process.pid)
            process = await self._replaced(process.number)
            process.let_in()
            self._metrics.workers.inc()
            self._metrics.restarts.inc()
            logger.info("worker %d serves again", process.number)

    async def _replaced(self, number: int) -> WorkerProcess:
        """Another worker in the place of one that has ended; tries until it is there."""
        pause = FIRST_PAUSE
        while True:
            try:
                return await self._loaded(number)
            except (ModelError, OSError) as error:
                # OSError: there is no memory for a process now, or no descriptor.
                logger.error("worker %d does not start: %s", number, error)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _loaded(self, number: int) -> WorkerProcess:
        """A worker that has its models. Raises ModelError and OSError."""
        process = self._started(number, replaces=True)
        try:
            await process.loaded
        except ModelError:
            await process.ended.wait()
            self._metrics.ended(process.pid)
            raise
        return process

    def _reload(self) -> None:
        self._signal(signal.SIGHUP)

    def _signal(self, number: signal.Signals) -> None:
        for process in self._processes.values():
            process.signal(number)


def split(cores: list[int], parts: int) -> list[list[int]]:
    """Cores for each of `parts`, neighbours together; shared where there are fewer."""
    if parts > len(cores):
        return [[cores[part % len(cores)]] for part in range(parts)]
    return [
        cores[part * len(cores) // parts : (part + 1) * len(cores) // parts]
        for part in range(parts)
    ]
