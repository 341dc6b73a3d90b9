"""A worker process as the supervisor sees it; `worker` is the other side."""

import asyncio
import logging
import multiprocessing
import os
import signal
import socket
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

from facewire_server.config import Config
from facewire_server.errors import ModelError
from facewire_server.workers.channel import (
    Channel,
    Collect,
    Collected,
    Failed,
    Loaded,
    Message,
    Reload,
    Reloaded,
    Serve,
)
from facewire_server.workers.metric_sums import Families
from facewire_server.workers.model_snapshot import ModelSnapshot
from facewire_server.workers.worker import ProcessSetup, work

logger = logging.getLogger("facewire_server.workers.process")

Value = TypeVar("Value")

SUPERVISOR_SIGNALS = {signal.SIGHUP, signal.SIGINT}
"""Signals that a terminal sends to all processes; only the supervisor handles them."""

KILL_SECONDS = 5.0
"""Seconds for the system to end a process that was killed."""


class WorkerProcess:
    """A process with a part of the cores; runs on the supervisor's event loop."""

    def __init__(
        self,
        config: Config,
        number: int,
        cores: Collection[int],
        setup: ProcessSetup,
        models: Mapping[str, ModelSnapshot],
        *,
        replaces: bool = False,
    ) -> None:
        """Start it. `number` is its name in the log. Raises OSError."""
        loop = asyncio.get_running_loop()
        self.number = number
        self.models = dict(models)
        """The models that it serves, by their names."""
        self.loaded: asyncio.Future[None] = loop.create_future()
        """Done when its models are loaded; fails with ModelError when it ends before that."""
        # Retrieves the error: asyncio would log it as never retrieved when the server
        # stops, and so no longer awaits this future.
        self.loaded.add_done_callback(_has_failed)
        self.ended = asyncio.Event()
        self.metrics: Families = {}
        """The metrics that it sent last."""
        self._may_serve = False
        self._channel: Channel | None = None
        self._collected: asyncio.Future[None] = _done(None)
        self._reloaded: asyncio.Future[str] = _done("")
        self._reloading: ModelSnapshot | None = None
        self._exited = asyncio.Event()
        arguments = (config, number, replaces, setup, tuple(models.values()))
        self._process, own_end = _spawn(f"facewire-worker-{number}", cores, arguments)
        loop.add_reader(self._process.sentinel, self._on_exit)
        self._following = asyncio.create_task(self._follow(own_end))

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process.pid is not None
        return self._process.pid

    @property
    def status(self) -> int:
        """The exit status it has ended with, or minus the number of a signal."""
        return self._process.exitcode or 0

    @property
    def is_serving(self) -> bool:
        """Whether `start_serving` was called and it has not ended."""
        return self._may_serve and not self.ended.is_set()

    def start_serving(self) -> None:
        """Have its health say SERVING."""
        self._may_serve = True
        self._send(Serve())

    def collect(self) -> "asyncio.Future[None]":
        """Request its metrics, unless a request is under way; done when they have come.

        Done at once for a process that has none yet, or has ended.
        """
        if self._collected.done() and self._is_loaded:
            self._collected = asyncio.get_running_loop().create_future()
            self._send(Collect())
        return self._collected

    async def reload(self, model: ModelSnapshot) -> str:
        """Have it replace the model of this name; return the reason if it does not, else "".

        One reload at a time.
        """
        if not self._is_loaded:
            return "it has ended"
        self._reloaded = asyncio.get_running_loop().create_future()
        self._reloading = model
        self._send(Reload(model))
        reason = await self._reloaded
        if not reason:
            self.models[model.name] = model
        return reason

    def load_of(self, model: ModelSnapshot) -> "asyncio.Future[Any] | None":
        """Return the future of its load of this snapshot; None: it is not loading it."""
        if not self.loaded.done() and self.models[model.name] is model:
            return self.loaded
        if not self._reloaded.done() and self._reloading is model:
            return self._reloaded
        return None

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it still runs."""
        if not self.ended.is_set() and self._process.is_alive():
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once; blocks until it has ended."""
        self._process.kill()
        self._process.join(KILL_SECONDS)

    @property
    def _is_loaded(self) -> bool:
        is_loaded = self.loaded.done() and not _has_failed(self.loaded)
        return is_loaded and not self.ended.is_set()

    def _send(self, message: Message) -> None:
        if self._channel is not None:
            self._channel.send(message)

    async def _follow(self, end: socket.socket) -> None:
        """Handle its messages until it has ended, then complete the futures that are left."""
        try:
            self._channel = await Channel.open(end)
            async for message in self._channel.messages():
                self._on_message(message)
        except Exception:
            logger.exception("worker %d is not understood, and killed", self.number)
            self._process.kill()
        await self._exited.wait()
        self.ended.set()
        reason = f"worker {self.number} ended with status {self.status}"
        if not self.loaded.done():
            self.loaded.set_exception(ModelError(f"{reason} before it was ready"))
        if not self._collected.done():
            self._collected.set_result(None)
        if not self._reloaded.done():
            self._reloaded.set_result(reason)

    def _on_message(self, message: Message) -> None:
        match message:
            case Loaded() if not self.loaded.done():
                self.loaded.set_result(None)
            case Failed() if not self.loaded.done():
                self.loaded.set_exception(ModelError(message.message))
            case Collected():
                self.metrics = message.metrics
                if not self._collected.done():
                    self._collected.set_result(None)
            case Reloaded() if not self._reloaded.done():
                self._reloaded.set_result(message.reason)

    def _on_exit(self) -> None:
        asyncio.get_running_loop().remove_reader(self._process.sentinel)
        self._process.join()
        self._exited.set()


def _spawn(
    name: str, cores: Collection[int], arguments: tuple[object, ...]
) -> tuple[BaseProcess, socket.socket]:
    """Start a process that calls `work` with its end of a channel and these arguments.

    Returns it and the supervisor's end. Raises OSError.
    """
    # Not forked: gRPC and OpenVINO have threads by now, or will have them soon.
    context = multiprocessing.get_context("spawn")
    # The worker's end is pickled with the arguments (multiprocessing passes a copy of the
    # descriptor on), so the one here is closed: each side knows that the other has ended
    # by the end of the stream, which comes when the last copy is closed.
    own_end, worker_end = socket.socketpair()
    try:
        process = context.Process(target=work, args=(worker_end, *arguments), name=name)
        with _inherited_by_workers(cores):
            process.start()
    except BaseException:
        own_end.close()
        raise
    finally:
        worker_end.close()
    return process, own_end


@contextmanager
def _inherited_by_workers(cores: Collection[int]) -> Iterator[None]:
    """Give this thread the cores and the signal mask of a worker, which it inherits.

    The cores must be set before it runs: libraries count them when they are loaded. And
    the signals must be blocked from its first moment to its last.
    """
    own_cores = os.sched_getaffinity(0)
    own_mask = signal.pthread_sigmask(signal.SIG_BLOCK, SUPERVISOR_SIGNALS)
    try:
        os.sched_setaffinity(0, cores)
        yield
    finally:
        os.sched_setaffinity(0, own_cores)
        signal.pthread_sigmask(signal.SIG_SETMASK, own_mask)


def _has_failed(future: "asyncio.Future[None]") -> bool:
    return future.cancelled() or future.exception() is not None


def _done(value: Value) -> "asyncio.Future[Value]":
    future = asyncio.get_running_loop().create_future()
    future.set_result(value)
    return future
