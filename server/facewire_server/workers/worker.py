"""The main function of a worker process; `process` is the supervisor's side of it."""

import asyncio
import logging
import signal
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import uvloop

from facewire_server.config import Config
from facewire_server.errors import FacewireError
from facewire_server.inference.runtime import Runtime
from facewire_server.lifecycle.loading import start_loading
from facewire_server.lifecycle.run import exit_now, serve, stop_event
from facewire_server.lifecycle.server import Server
from facewire_server.lifecycle.tasks import BackgroundTasks
from facewire_server.workers.channel import (
    Channel,
    Collect,
    Collected,
    Failed,
    Loaded,
    Reload,
    Reloaded,
    Serve,
)
from facewire_server.workers.metric_sums import read_families
from facewire_server.workers.model_snapshot import ModelSnapshot

logger = logging.getLogger("facewire_server.workers.worker")


@dataclass(frozen=True, slots=True)
class ProcessSetup:
    """Functions of the command line for each worker; pickled, since workers are spawned."""

    set_up_log: Callable[[Mapping[str, object]], None]
    """Sets up the log; gets the fields that every record shall have."""
    describe: Callable[[Exception], str]
    """One line for an error that is not a FacewireError."""


def work(
    supervisor: socket.socket,
    config: Config,
    number: int,
    replaces: bool,
    setup: ProcessSetup,
    models: Sequence[ModelSnapshot],
) -> None:
    """Run a worker, as the main function of its process.

    `supervisor`: this process's end of the channel. A worker that `replaces` another
    listens only when its models are loaded, since callers may go to the others until then.
    """
    setup.set_up_log({"worker": number})
    uvloop.run(_work(config, replaces, setup, supervisor, models))


async def _work(
    config: Config,
    replaces: bool,
    setup: ProcessSetup,
    supervisor: socket.socket,
    models: Sequence[ModelSnapshot],
) -> None:
    stop = stop_event((signal.SIGTERM,))
    channel = await Channel.open(supervisor)
    try:
        worker = Worker(config, channel, models, stop)
        await worker.run(replaces=replaces)
    except Exception as error:
        is_expected = isinstance(error, FacewireError)
        if not is_expected:
            logger.debug("where it comes from:", exc_info=True)
        channel.send(Failed(str(error) if is_expected else setup.describe(error)))
        await channel.close()
        exit_now(1)


class Worker:
    """A server that its supervisor directs."""

    def __init__(
        self,
        config: Config,
        channel: Channel,
        models: Sequence[ModelSnapshot],
        stop: asyncio.Event,
    ) -> None:
        """`models` are those to start with; `stop` has it drain and end."""
        self._runtime = Runtime.from_config(config)
        self._channel = channel
        self._stop = stop
        self._may_serve = asyncio.Event()
        names = [model.name for model in models]
        self._server = Server(config, shares_port=True, models=names)
        loaders = [partial(model.load, self._runtime) for model in models]
        self._loading = start_loading(config, loaders)
        self._tasks = BackgroundTasks()

    async def run(self, *, replaces: bool) -> None:
        """Serve until `stop` is set, and end the process. Raises FacewireError."""
        self._tasks.start("obeying the supervisor", self._follow_supervisor)
        try:
            if replaces:
                loaded = asyncio.wrap_future(self._loading)
                await _wait_for_first(loaded, self._stop.wait())
                if self._stop.is_set():
                    exit_now(0)
            await serve(self._server, self._loading, self._ready, self._stop)
        finally:
            self._tasks.cancel()

    async def _ready(self) -> None:
        """Report that the models are loaded, and say SERVING when the supervisor says so."""
        self._channel.send(Loaded())
        await _wait_for_first(self._may_serve.wait(), self._stop.wait())
        await self._server.open()

    async def _follow_supervisor(self) -> None:
        """Handle the supervisor's messages; end the process when it is gone."""
        async for message in self._channel.messages():
            match message:
                case Serve():
                    self._may_serve.set()
                case Collect():
                    self._channel.send(Collected(read_families(self._server.metrics)))
                case Reload():
                    name = f"reloading {message.model.name}"
                    self._tasks.start(name, partial(self._reload, message.model))
        # Nothing would replace or end this process any more, and it holds a port that
        # the next server may want.
        logger.error("the supervisor is gone, and so this worker ends")
        exit_now(1)

    async def _reload(self, model: ModelSnapshot) -> None:
        load = partial(model.load, self._runtime)
        error = await self._server.reload_model(model.name, load)
        reason = "" if error is None else str(error) or type(error).__name__
        self._channel.send(Reloaded(reason))


async def _wait_for_first(*awaitables: Awaitable[object]) -> None:
    """Return when the first of them is done."""
    tasks = [asyncio.ensure_future(each) for each in awaitables]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
