"""A worker process as the supervisor sees it."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Mapping

from facewire_server.config import Config
from facewire_server.lifecycle.loading import find_sources
from facewire_server.workers.model_snapshot import ModelSnapshot
from facewire_server.workers.process import WorkerProcess
from facewire_server.workers.run import SharedPort
from facewire_server.workers.worker import ProcessSetup


def no_log(_: Mapping[str, object]) -> None:
    """Set up no log."""


def with_worker(see: Callable[[WorkerProcess, ModelSnapshot], Awaitable[None]]) -> None:
    """Call `see` with a worker that has its models, and end it."""

    async def main(port: int) -> None:
        config = Config(port=port, metrics_port=None)
        (model,) = (ModelSnapshot.take(source) for source in find_sources(config))
        cores = os.sched_getaffinity(0)
        process = WorkerProcess(config, 0, cores, ProcessSetup(no_log, str), {model.name: model})
        try:
            async with asyncio.timeout(60):
                await process.loaded
                await see(process, model)
        finally:
            process.kill()
            await process.ended.wait()
            model.close()

    with SharedPort("127.0.0.1", 0) as shared:
        asyncio.run(main(shared.port))


def test_a_worker_that_dies_before_it_serves_has_ended() -> None:
    async def see(process: WorkerProcess, model: ModelSnapshot) -> None:
        os.kill(process.pid, signal.SIGKILL)
        # Before its end is noticed, and after.
        process.start_serving()
        await process.ended.wait()
        process.start_serving()
        assert not process.is_serving
        assert process.status == -signal.SIGKILL
        assert await process.reload(model)
        await process.collect()

    with_worker(see)


def test_a_worker_that_dies_during_a_reload_ends_it_with_the_reason() -> None:
    async def see(process: WorkerProcess, model: ModelSnapshot) -> None:
        process.start_serving()
        os.kill(process.pid, signal.SIGSTOP)
        reloading = asyncio.create_task(process.reload(model))
        await asyncio.sleep(0)
        os.kill(process.pid, signal.SIGKILL)
        assert "ended with status -9" in await reloading

    with_worker(see)


def test_a_worker_ignores_the_signals_of_a_terminal() -> None:
    async def see(process: WorkerProcess, model: ModelSnapshot) -> None:
        process.start_serving()
        for number in (signal.SIGHUP, signal.SIGINT):
            os.kill(process.pid, number)
        await process.collect()
        assert process.is_serving
        assert "facewire_requests" in process.metrics
        assert await process.reload(model) == ""

    with_worker(see)
