"""A worker as its supervisor sees it."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Mapping

from facewire_server.config import Config
from facewire_server.lifecycle.loading import find_sources
from facewire_server.workers.kept_model import KeptModel
from facewire_server.workers.process import WorkerProcess
from facewire_server.workers.shared_port import SharedPort


def no_log(_: Mapping[str, object]) -> None:
    """Sets no log up."""


def with_worker(see: Callable[[WorkerProcess, KeptModel], Awaitable[None]]) -> None:
    """Has a worker that has its models looked at, and ends it."""

    async def main(port: int) -> None:
        config = Config(port=port, metrics_port=None)
        (model,) = (KeptModel.of(source) for source in find_sources(config))
        cores = os.sched_getaffinity(0)
        process = WorkerProcess(config, 0, cores, no_log, {model.name: model})
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


def test_one_that_dies_before_it_is_let_in_is_one_that_has_ended() -> None:
    async def see(process: WorkerProcess, model: KeptModel) -> None:
        os.kill(process.pid, signal.SIGKILL)
        # Before anybody can know, and after.
        process.let_in()
        await process.ended.wait()
        process.let_in()
        assert not process.serves
        assert process.status == -signal.SIGKILL
        assert await process.reload(model)
        await process.ask()

    with_worker(see)


def test_one_that_dies_while_it_reloads_says_so() -> None:
    async def see(process: WorkerProcess, model: KeptModel) -> None:
        process.let_in()
        os.kill(process.pid, signal.SIGSTOP)
        reloading = asyncio.create_task(process.reload(model))
        await asyncio.sleep(0)
        os.kill(process.pid, signal.SIGKILL)
        assert "ended with status -9" in await reloading

    with_worker(see)


def test_what_it_is_sent_by_its_terminal_is_for_the_supervisor() -> None:
    async def see(process: WorkerProcess, model: KeptModel) -> None:
        process.let_in()
        for number in (signal.SIGHUP, signal.SIGINT):
            os.kill(process.pid, number)
        await process.ask()
        assert process.serves
        assert "facewire_requests" in process.report
        assert await process.reload(model) == ""

    with_worker(see)
