"""Supervising several processes that serve on one port.

Rule: the supervisor itself serves only the metrics of all workers, so that no request can
end it. A worker that ends by itself is replaced by one that serves the same models.
"""

import asyncio
import logging
import signal
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import NoReturn

from facewire_server.config import Config
from facewire_server.errors import CommandError, ModelError
from facewire_server.lifecycle.loading import find_sources
from facewire_server.lifecycle.reload import Files, Reloader
from facewire_server.lifecycle.run import exit_by_signal
from facewire_server.lifecycle.tasks import BackgroundTasks
from facewire_server.system.cpu_quota import available_core_numbers
from facewire_server.workers.model_snapshot import ModelSnapshot
from facewire_server.workers.process import WorkerProcess
from facewire_server.workers.shared_metrics import SharedMetrics
from facewire_server.workers.worker import ProcessSetup

logger = logging.getLogger("facewire_server.workers.supervisor")

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds before the next try to replace a worker that does not start: doubled each time."""

LAST_SECONDS = 5.0
"""Seconds for workers to end by themselves after the grace of their requests."""


class Supervisor:
    """The worker processes of one server. Runs on an event loop."""

    def __init__(self, config: Config, setup: ProcessSetup, metrics: SharedMetrics) -> None:
        """`config` is that of each worker, `config.workers` how many there are."""
        self._config = config
        self._setup = setup
        self._metrics = metrics
        self._cores = split_cores(available_core_numbers(), config.workers)
        self._models: dict[str, ModelSnapshot] = {}
        self._processes: dict[int, WorkerProcess] = {}
        self._tasks = BackgroundTasks()
        self._reload_requested = asyncio.Event()

    async def start(self) -> None:
        """Start all workers, and have them report SERVING together.

        Raises ModelError, and CommandError when no process can be started.
        """
        self._tasks.start("collecting metrics", self._metrics.run)
        self._models = await asyncio.to_thread(_read_models, self._config)
        try:
            # The first one fills the compile cache; the others start after it, and load
            # from there.
            await self._start_worker(0).loaded
            rest = [self._start_worker(number) for number in range(1, self._config.workers)]
        except OSError as error:
            raise CommandError(f"a worker cannot be started: {error}") from None
        await asyncio.gather(*(process.loaded for process in rest))
        for process in self._processes.values():
            process.start_serving()
        for number in self._processes:
            name = f"keeping worker {number}"
            self._tasks.start(name, partial(self._keep_running, number))
        reloader = Reloader(
            self._reload_requested, self._files, self._reload, watch=self._config.watch
        )
        self._tasks.start("reloading models", reloader.run)

    def reload(self) -> None:
        """Have all models reloaded soon, or as soon as all workers have started."""
        self._reload_requested.set()

    async def end(self) -> None:
        """Have all workers drain, and return when they have ended.

        One after another, so that a caller whom one sends away does not reach another in the
        moment in which it stops, where gRPC cancels the call. One that drains for long holds
        the next up for its part of half the grace only.
        """
        self._tasks.cancel()
        processes = self._processes.values()
        logger.info("ending %d workers", len(processes))
        try:
            async with asyncio.timeout(self._config.grace + LAST_SECONDS):
                for process in processes:
                    process.signal(signal.SIGTERM)
                    with suppress(TimeoutError):
                        async with asyncio.timeout(self._config.grace / 2 / len(processes)):
                            await process.ended.wait()
                await asyncio.gather(*(process.ended.wait() for process in processes))
        except TimeoutError:
            logger.warning("workers did not end, and are killed")
            self._kill()

    def end_at_once(self, number: int) -> NoReturn:
        """End all workers and then this process, as a second signal asks for."""
        self._kill()
        exit_by_signal(number)

    def _start_worker(self, number: int, *, replaces: bool = False) -> WorkerProcess:
        """Start a worker. Raises OSError."""
        process = WorkerProcess(
            # The supervisor watches the files for all of them.
            replace(self._config, watch=False),
            number,
            self._cores[number],
            self._setup,
            self._models,
            replaces=replaces,
        )
        self._metrics.add(process)
        self._processes[number] = process
        return process

    async def _keep_running(self, number: int) -> None:
        """Replace a worker whenever it ends."""
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
        """Start another worker for one that has ended; tries until one serves."""
        pause = FIRST_PAUSE
        while True:
            try:
                process = self._start_worker(number, replaces=True)
                await process.loaded
                await self._bring_up_to_date(process)
            except (ModelError, OSError) as error:
                # OSError: there is no memory for a process now, or no file descriptor.
                logger.error("worker %d does not start: %s", number, error)
                await self._processes[number].ended.wait()
            else:
                process.start_serving()
                return
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _bring_up_to_date(self, process: WorkerProcess) -> None:
        """Have a worker load what was reloaded while it started. Raises ModelError.

        Repeated, since another reload may happen meanwhile. After the last check the caller
        starts it serving without an `await` between, so that no reload misses it.
        """
        while stale := [
            model for name, model in self._models.items() if process.models[name] is not model
        ]:
            if reason := await process.reload(stale[0]):
                process.signal(signal.SIGKILL)
                raise ModelError(reason)

    def _files(self) -> Files:
        return {name: model.source.files for name, model in self._models.items()}

    async def _reload(self, name: str) -> None:
        """Reload a model in all workers, or in none.

        One of them tries it first. Another that then fails is replaced.
        """
        try:
            model = await asyncio.to_thread(self._models[name].retake)
        except ModelError as error:
            self._not_reloaded(name, error)
            return
        serving = [process for process in self._processes.values() if process.is_serving]
        if not serving:
            self._not_reloaded(name, "no worker is there to try it")
        elif reason := await serving[0].reload(model):
            if not serving[0].is_serving:
                self._not_reloaded(name, reason)
        else:
            # From here on `_bring_up_to_date` gives this one to workers that start.
            old, self._models[name] = self._models[name], model
            await asyncio.gather(
                *(
                    self._reload_or_end(process, model)
                    for process in self._processes.values()
                    if process.is_serving and process.models[name] is not model
                )
            )
            self._tasks.start(f"closing the old {name}", partial(self._close_unused, old))
            return
        model.close()

    async def _close_unused(self, old: ModelSnapshot) -> None:
        """Close a snapshot that was replaced, once no worker that starts is loading it."""
        processes = self._processes.values()
        loads = [load for process in processes if (load := process.load_of(old)) is not None]
        if loads:
            # Not `gather`, which would cancel the futures of others along with this task.
            await asyncio.wait(loads)
        old.close()

    async def _reload_or_end(self, process: WorkerProcess, model: ModelSnapshot) -> None:
        if await process.reload(model) and process.is_serving:
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


def split_cores(cores: list[int], parts: int) -> list[list[int]]:
    """Split cores into `parts`, neighbours together; parts share cores if these are fewer."""
    if parts > len(cores):
        return [[cores[part % len(cores)]] for part in range(parts)]
    return [
        cores[part * len(cores) // parts : (part + 1) * len(cores) // parts]
        for part in range(parts)
    ]


def _read_models(config: Config) -> dict[str, ModelSnapshot]:
    """Read the models of the settings; by name, in their order. Raises ModelError."""
    models = [ModelSnapshot.take(source) for source in find_sources(config)]
    by_name = {model.name: model for model in models}
    if len(by_name) < len(models):
        raise ModelError("two of the models have the same name")
    return by_name
