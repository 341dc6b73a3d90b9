"""Looking after several processes that serve on one port.

Rule: it serves nothing itself but the metrics of all, so that nothing a caller sends
can end it. A worker that ends by itself is replaced by one that serves the same.
"""

import asyncio
import logging
import signal
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import NoReturn

from facewire_server.config import Config
from facewire_server.errors import CommandError, ModelError
from facewire_server.lifecycle.early_signals import STOP
from facewire_server.lifecycle.loading import find_sources
from facewire_server.lifecycle.reload import Files, Reloader
from facewire_server.lifecycle.signals import leave, leave_by, on_hangup, signalled
from facewire_server.lifecycle.tasks import BackgroundTasks
from facewire_server.system.addresses import target_of
from facewire_server.system.cpu_quota import available_core_numbers
from facewire_server.workers.kept_model import KeptModel
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
) -> NoReturn:
    """Serves with `config.workers` processes, as `facewire_server.lifecycle.run.run`."""
    with SharedPort(config.host, config.port) as port:
        metrics = SharedMetrics()
        part = replace(config, port=port.port, metrics_port=None)
        supervisor = Supervisor(part, set_up_log, metrics)
        stop = signalled(STOP, supervisor.end_at_once)
        on_hangup(supervisor.reload)
        if config.metrics_port is not None:
            found = metrics.serve(config.metrics_host, config.metrics_port)
            logger.info("metrics on port %d", found.port)
        start = asyncio.ensure_future(supervisor.start())
        stopped = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait((stopped, start), return_when=asyncio.FIRST_COMPLETED)
            if start.done():
                start.result()
                announce(f"listening on {target_of(config.host, port.port)}")
            await stopped
        finally:
            start.cancel()
            await supervisor.end()
    leave(0)


class Supervisor:
    """The processes of one server. Runs on an event loop."""

    def __init__(self, config: Config, set_up_log: SetUpLog, metrics: SharedMetrics) -> None:
        self._config = config
        self._set_up_log = set_up_log
        self._metrics = metrics
        self._cores = split(available_core_numbers(), config.workers)
        self._models: dict[str, KeptModel] = {}
        self._processes: dict[int, WorkerProcess] = {}
        self._tasks = BackgroundTasks()
        self._reload_asked = asyncio.Event()

    async def start(self) -> None:
        """Starts all workers, and has them say so together.

        Raises ModelError, and CommandError when no process can be started.
        """
        self._tasks.start("collecting metrics", self._metrics.run)
        self._models = await asyncio.to_thread(_kept, self._config)
        try:
            # The first one alone: it fills the cache, and the others start from that.
            await self._started(0).loaded
            rest = [self._started(number) for number in range(1, self._config.workers)]
        except OSError as error:
            raise CommandError(f"a worker cannot be started: {error}") from None
        await asyncio.gather(*(process.loaded for process in rest))
        for process in self._processes.values():
            process.let_in()
        for number in self._processes:
            name = f"keeping worker {number}"
            self._tasks.start(name, partial(self._keep, number))
        reloader = Reloader(self._reload_asked, self._files, self._reload, watch=self._config.watch)
        self._tasks.start("reloading models", reloader.run)

    def reload(self) -> None:
        """Has all models reloaded soon, or as soon as all workers are there."""
        self._reload_asked.set()

    async def end(self) -> None:
        """Has all workers drain, and returns when they have ended."""
        self._tasks.cancel()
        logger.info("ending %d workers", len(self._processes))
        self._signal(signal.SIGTERM)
        endings = [process.ended.wait() for process in self._processes.values()]
        try:
            async with asyncio.timeout(self._config.grace + LAST_SECONDS):
                await asyncio.gather(*endings)
        except TimeoutError:
            logger.warning("workers did not end, and are killed")
            self._kill()

    def end_at_once(self, number: int) -> NoReturn:
        """Ends all workers and this process, as a second signal asks for."""
        self._kill()
        leave_by(number)

    def _started(self, number: int, *, replaces: bool = False) -> WorkerProcess:
        """Another worker. Raises OSError."""
        process = WorkerProcess(
            # What is reloaded is said from here.
            replace(self._config, watch=False),
            number,
            self._cores[number],
            self._set_up_log,
            self._models,
            replaces=replaces,
        )
        self._metrics.add(process)
        self._processes[number] = process
        return process

    async def _keep(self, number: int) -> None:
        """Replaces a worker whenever it ends."""
        while True:
            process = self._processes[number]
            await process.ended.wait()
            logger.error(
                "worker %d ended with status %d, and is replaced",
                number,
                process.status,
            )
            await self._replace(number)
            self._metrics.restarts.inc()
            logger.info("worker %d serves again", number)

    async def _replace(self, number: int) -> None:
        """Puts another worker in the place of one that has ended, however long it takes.

        It serves what the others do.
        """
        pause = FIRST_PAUSE
        while True:
            try:
                process = self._started(number, replaces=True)
                await process.loaded
                await self._bring_up_to_date(process)
            except (ModelError, OSError) as error:
                # OSError: there is no memory for a process now, or no descriptor.
                logger.error("worker %d does not start: %s", number, error)
                await self._processes[number].ended.wait()
            else:
                process.let_in()
                return
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _bring_up_to_date(self, process: WorkerProcess) -> None:
        """Has a worker serve what was reloaded while it started. Raises ModelError."""
        while stale := [
            model for name, model in self._models.items() if process.models[name] is not model
        ]:
            if reason := await process.reload(stale[0]):
                process.signal(signal.SIGKILL)
                raise ModelError(reason)

    def _files(self) -> Files:
        return {name: model.source.files for name, model in self._models.items()}

    async def _reload(self, name: str) -> None:
        """Reloads a model in all workers, or in none.

        One of them tries it. One that cannot do what the first could is replaced.
        """
        try:
            model = await asyncio.to_thread(self._models[name].again)
        except ModelError as error:
            self._not_reloaded(name, error)
            return
        serving = [process for process in self._processes.values() if process.serves]
        if not serving:
            self._not_reloaded(name, "no worker is there to try it")
        elif reason := await serving[0].reload(model):
            if not serving[0].serves:
                self._not_reloaded(name, reason)
        else:
            old, self._models[name] = self._models[name], model
            await asyncio.gather(
                *(
                    self._reload_or_end(process, model)
                    for process in self._processes.values()
                    if process.serves and process.models[name] is not model
                )
            )
            old.close()
            return
        model.close()

    async def _reload_or_end(self, process: WorkerProcess, model: KeptModel) -> None:
        if await process.reload(model) and process.serves:
            logger.error("worker %d is replaced: it did not reload", process.number)
            process.signal(signal.SIGTERM)

    def _not_reloaded(self, name: str, reason: object) -> None:
        self._metrics.own.reloaded(name, "failed")
        logger.error("model %s was not reloaded: %s", name, reason)

    def _signal(self, number: signal.Signals) -> None:
        for process in self._processes.values():
            process.signal(number)

    def _kill(self) -> None:
        self._signal(signal.SIGKILL)
        for process in self._processes.values():
            process.kill()


def split(cores: list[int], parts: int) -> list[list[int]]:
    """Cores for each of `parts`, neighbours together; shared where there are fewer."""
    if parts > len(cores):
        return [[cores[part % len(cores)]] for part in range(parts)]
    return [
        cores[part * len(cores) // parts : (part + 1) * len(cores) // parts]
        for part in range(parts)
    ]


def _kept(config: Config) -> dict[str, KeptModel]:
    """The models of the settings by their names, in their order. Raises ModelError."""
    models = [KeptModel.of(source) for source in find_sources(config)]
    by_name = {model.name: model for model in models}
    if len(by_name) < len(models):
        raise ModelError("two of the models have the same name")
    return by_name
