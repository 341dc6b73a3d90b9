"""One of several processes of a server, as it sees itself."""

import asyncio
import logging
import signal
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

import uvloop

from facewire_client.cli.edge import in_words
from facewire_server.config import Config
from facewire_server.errors import FacewireError
from facewire_server.inference.runtime import Runtime
from facewire_server.lifecycle.loading import load_aside
from facewire_server.lifecycle.run import serve
from facewire_server.lifecycle.server import Server
from facewire_server.lifecycle.signals import leave, signalled
from facewire_server.lifecycle.tasks import BackgroundTasks
from facewire_server.workers.channel import (
    Channel,
    Collect,
    Collected,
    Failed,
    LetIn,
    Loaded,
    Reload,
    Reloaded,
)
from facewire_server.workers.kept_model import KeptModel
from facewire_server.workers.metric_sums import report

logger = logging.getLogger(__name__)

logger = logging.getLogger(__name__)

SetUpLog = Callable[[Mapping[str, object]], None]
"""Sets up the log of a process, given what each of its records shall have."""


def work(
    config: Config,
    number: int,
    replaces: bool,
    set_up_log: SetUpLog,
    supervisor: socket.socket,
    models: Sequence[KeptModel],
) -> None:
    """The life of a worker; `supervisor` is who started it, and who ends it.

    One that `replaces` another listens only when its models are loaded, since callers
    may go to the others until then.
    """
    set_up_log({"worker": number})
    uvloop.run(_work(config, replaces, supervisor, models))


async def _work(
    config: Config,
    replaces: bool,
    supervisor: socket.socket,
    models: Sequence[KeptModel],
) -> None:
    stop = signalled((signal.SIGTERM,))
    channel = await Channel.open(supervisor)
    try:
        worker = Worker(config, channel, models, stop)
        await worker.run(replaces=replaces)
    except Exception as error:
        foreseen = isinstance(error, FacewireError)
        if not foreseen:
            logger.debug("where it comes from:", exc_info=True)
        channel.send(Failed(str(error) if foreseen else in_words(error)))
        await channel.close()
        leave(1)


class Worker:
    """A server that does what its supervisor says."""

    def __init__(
        self,
        config: Config,
        channel: Channel,
        models: Sequence[KeptModel],
        stop: asyncio.Event,
    ) -> None:
        """`models` are what it begins with; `stop` has it drain and end."""
        self._runtime = Runtime.from_config(config)
        self._channel = channel
        self._stop = stop
        self._let_in = asyncio.Event()
        names = [model.name for model in models]
        self._server = Server(config, shares_port=True, models=names)
        loaders = [partial(model.load, self._runtime) for model in models]
        self._loading = load_aside(config, loaders)
        self._tasks = BackgroundTasks()

    async def run(self, *, replaces: bool) -> None:
        """Serves until it shall stop, and ends the process. Raises FacewireError."""
        self._tasks.start("obeying the supervisor", self._obey)
        try:
            if replaces:
                loaded = asyncio.wrap_future(self._loading)
                await _first(loaded, self._stop.wait())
                if self._stop.is_set():
                    leave(0)
            await serve(self._server, self._loading, self._ready, self._stop)
        finally:
            self._tasks.cancel()

    async def _ready(self) -> None:
        self._channel.send(Loaded())
        await _first(self._let_in.wait(), self._stop.wait())
        await self._server.open()

    async def _obey(self) -> None:
        async for message in self._channel.messages():
            match message:
                case LetIn():
                    self._let_in.set()
                case Collect():
                    self._channel.send(Collected(report(self._server.metrics)))
                case Reload():
                    name = f"reloading {message.model.name}"
                    self._tasks.start(name, partial(self._reload, message.model))
        # Nobody would replace or end this process; and it holds a port that the next
        # server may want.
        logger.error("the supervisor is gone, and so this worker ends")
        leave(1)

    async def _reload(self, model: KeptModel) -> None:
        load = partial(model.load, self._runtime)
        reason = await self._server.reload_model(model.name, load)
        self._channel.send(Reloaded(reason))


async def _first(*awaitables: Awaitable[object]) -> None:
    """Returns when the first of them is done."""
    tasks = [asyncio.ensure_future(each) for each in awaitables]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
