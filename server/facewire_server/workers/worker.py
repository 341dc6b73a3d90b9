"""One of several processes of a server, as it sees itself."""

import asyncio
import logging
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection

import uvloop

from facewire_client.cli.edge import in_words
from facewire_server.backend import load_aside
from facewire_server.config import Config
from facewire_server.errors import FacewireError
from facewire_server.service.run import leave, serve, signalled
from facewire_server.service.server import Server

logger = logging.getLogger(__name__)

SetUpLog = Callable[[Mapping[str, object]], None]
"""Sets up the log of a process, given what each of its records shall have."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """Said by a worker: it has its models, and waits to be let in."""


@dataclass(frozen=True, slots=True)
class Failed:
    """Said by a worker that cannot start: why."""

    message: str


def work(
    config: Config,
    number: int,
    replaces: bool,
    set_up_log: SetUpLog,
    supervisor: Connection,
) -> None:
    """The life of a worker; `supervisor` is who started it, and who ends it.

    One that `replaces` another listens only when its models are loaded, since callers
    may go to the others until then.
    """
    # Ctrl-C reaches all processes of a terminal; the supervisor tells the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    set_up_log({"worker": number})
    try:
        uvloop.run(_work(config, replaces, supervisor))
    except FacewireError as error:
        supervisor.send(Failed(str(error)))
        sys.exit(1)
    except Exception as error:
        logger.debug("where it comes from:", exc_info=True)
        supervisor.send(Failed(in_words(error)))
        sys.exit(1)


async def _work(config: Config, replaces: bool, supervisor: Connection) -> None:
    stop = signalled((signal.SIGTERM,))
    let_in = asyncio.Event()
    _listen(supervisor, let_in, stop)
    loading = load_aside(config)
    if replaces:
        loaded = asyncio.wrap_future(loading)
        await _first(loaded, stop.wait())
        if stop.is_set():
            leave(0)

    async def ready(server: Server) -> None:
        supervisor.send(Loaded())
        await _first(let_in.wait(), stop.wait())
        await server.open()

    await serve(Server(config, shares_port=True), loading, ready, stop)


def _listen(supervisor: Connection, let_in: asyncio.Event, stop: asyncio.Event) -> None:
    """Has an event set for what the supervisor says: anything, or nothing any more."""
    loop = asyncio.get_running_loop()

    def heard() -> None:
        try:
            supervisor.recv()
        except EOFError:
            # It is gone without a word, and nobody would end this process.
            loop.remove_reader(supervisor.fileno())
            stop.set()
        else:
            let_in.set()

    loop.add_reader(supervisor.fileno(), heard)


async def _first(*awaitables: Awaitable[object]) -> None:
    """Returns when the first of them is done."""
    tasks = [asyncio.ensure_future(each) for each in awaitables]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
