"""One of several processes of a server, as its supervisor sees it."""

import asyncio
import logging
import multiprocessing
import os
import signal
import socket
from collections.abc import Collection, Mapping
from typing import TypeVar

from facewire_server.config import Config
from facewire_server.errors import ModelError
from facewire_server.workers.channel import (
    Channel,
    Collect,
    Collected,
    Failed,
    LetIn,
    Loaded,
    Message,
    Reload,
    Reloaded,
)
from facewire_server.workers.kept_model import KeptModel
from facewire_server.workers.metric_sums import Report
from facewire_server.workers.worker import SetUpLog, work

logger = logging.getLogger(__name__)

Value = TypeVar("Value")

OF_THE_SUPERVISOR = {signal.SIGHUP, signal.SIGINT}
"""What a terminal sends to all processes, and the supervisor alone obeys."""

KILL_SECONDS = 5.0
"""For the system to end a process that was killed."""


class WorkerProcess:
    """A process that was started on its part of the cores."""

    def __init__(
        self,
        config: Config,
        number: int,
        cores: Collection[int],
        set_up_log: SetUpLog,
        models: Mapping[str, KeptModel],
        *,
        replaces: bool = False,
    ) -> None:
        """Starts it. `number` is its name in the log. Raises OSError."""
        loop = asyncio.get_running_loop()
        self.number = number
        self.models = dict(models)
        """The models that it serves, by their names."""
        self.loaded: asyncio.Future[None] = loop.create_future()
        """Done when it has its models; fails with ModelError when it ends before."""
        # Nobody may be there to hear of it, when all are to end.
        self.loaded.add_done_callback(_failed)
        self.ended = asyncio.Event()
        self.report: Report = {}
        """What it has counted when it was asked last."""
        self._let_in = False
        self._channel: Channel | None = None
        self._answer: asyncio.Future[None] = _done(None)
        self._reloaded: asyncio.Future[str] = _done("")
        self._exited = asyncio.Event()
        # Not forked: gRPC and OpenVINO have threads by now, or soon.
        context = multiprocessing.get_context("spawn")
        ours, its = socket.socketpair()
        self._process = context.Process(
            target=work,
            args=(config, number, replaces, set_up_log, its, tuple(models.values())),
            name=f"facewire-worker-{number}",
        )
        try:
            self._start(cores)
        except BaseException:
            ours.close()
            raise
        finally:
            its.close()
        loop.add_reader(self._process.sentinel, self._on_exit)
        self._life = asyncio.create_task(self._live(ours))

    @property
    def pid(self) -> int:
        """Its number in the system."""
        assert self._process.pid is not None
        return self._process.pid

    @property
    def status(self) -> int:
        """What it has ended with: an exit status, or minus the number of a signal."""
        return self._process.exitcode or 0

    @property
    def serves(self) -> bool:
        """Whether it was let in and has not ended."""
        return self._let_in and not self.ended.is_set()

    def let_in(self) -> None:
        """Has it say that it is healthy."""
        self._let_in = True
        self._send(LetIn())

    def ask(self) -> "asyncio.Future[None]":
        """Asks for its metrics, if it is not asked already; done when they are there.

        It is done at once for a process that has none, or has ended.
        """
        if self._answer.done() and self._is_loaded:
            self._answer = asyncio.get_running_loop().create_future()
            self._send(Collect())
        return self._answer

    async def reload(self, model: KeptModel) -> str:
        """Has it replace the model of this name; returns why not, empty: it has.

        One reload at a time.
        """
        if not self._is_loaded:
            return "it has ended"
        self._reloaded = asyncio.get_running_loop().create_future()
        self._send(Reload(model))
        reason = await self._reloaded
        if not reason:
            self.models[model.name] = model
        return reason

    def signal(self, number: signal.Signals) -> None:
        """Sends it a signal, if it still runs."""
        if not self.ended.is_set() and self._process.is_alive():
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Ends it at once, and returns when it has ended."""
        self._process.kill()
        self._process.join(KILL_SECONDS)

    @property
    def _is_loaded(self) -> bool:
        done = self.loaded.done() and not _failed(self.loaded)
        return done and not self.ended.is_set()

    def _start(self, cores: Collection[int]) -> None:
        """Starts the process, which inherits what this thread has meanwhile.

        The cores, since libraries look how many there are when they are loaded; and
        the signals that are held back, from its first moment to its last.
        """
        own = os.sched_getaffinity(0)
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, OF_THE_SUPERVISOR)
        os.sched_setaffinity(0, cores)
        try:
            self._process.start()
        finally:
            os.sched_setaffinity(0, own)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def _send(self, message: Message) -> None:
        if self._channel is not None:
            self._channel.send(message)

    async def _live(self, end: socket.socket) -> None:
        """Hears what it says, and then tells that it has ended."""
        try:
            self._channel = await Channel.open(end)
            async for message in self._channel.messages():
                self._on(message)
        except Exception:
            logger.exception("worker %d is not understood, and killed", self.number)
            self._process.kill()
        await self._exited.wait()
        self.ended.set()
        words = f"worker {self.number} ended with status {self.status}"
        if not self.loaded.done():
            self.loaded.set_exception(ModelError(f"{words} before it was ready"))
        if not self._answer.done():
            self._answer.set_result(None)
        if not self._reloaded.done():
            self._reloaded.set_result(words)

    def _on(self, message: Message) -> None:
        match message:
            case Loaded() if not self.loaded.done():
                self.loaded.set_result(None)
            case Failed() if not self.loaded.done():
                self.loaded.set_exception(ModelError(message.message))
            case Collected():
                self.report = message.report
                if not self._answer.done():
                    self._answer.set_result(None)
            case Reloaded() if not self._reloaded.done():
                self._reloaded.set_result(message.reason)

    def _on_exit(self) -> None:
        asyncio.get_running_loop().remove_reader(self._process.sentinel)
        self._process.join()
        self._exited.set()


def _failed(future: "asyncio.Future[None]") -> bool:
    return future.cancelled() or future.exception() is not None


def _done(value: Value) -> "asyncio.Future[Value]":
    future = asyncio.get_running_loop().create_future()
    future.set_result(value)
    return future
