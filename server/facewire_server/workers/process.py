"""A worker process as the supervisor sees it; `worker` is the other side."""

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
"""What a terminal sends to all processes, and the supervisor alone handles."""

KILL_SECONDS = 5.0
"""For the system to end a process that was killed."""


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
        """Done when it has its models; fails with ModelError when it ends before."""
        # Retrieves the error: asyncio would log it as never retrieved when the server
        # stops, and so no longer awaits this future.
        self.loaded.add_done_callback(_has_failed)
        self.ended = asyncio.Event()
        self.metrics: Families = {}
        """As they were when it answered last."""
        self._may_serve = False
        self._channel: Channel | None = None
        self._collected: asyncio.Future[None] = _done(None)
        self._reloaded: asyncio.Future[str] = _done("")
        self._exited = asyncio.Event()
        # Not forked: gRPC and OpenVINO have threads by now, or will have them soon.
        context = multiprocessing.get_context("spawn")
        # The worker gets one end, pickled with the arguments (multiprocessing passes the
        # descriptor on). Either process sees the other's end by the end of the stream,
        # so here the worker's end must be closed, in every case.
        own_end, worker_end = socket.socketpair()
        self._process = context.Process(
            target=work,
            args=(config, number, replaces, setup, worker_end, tuple(models.values())),
            name=f"facewire-worker-{number}",
        )
        try:
            self._start(cores)
        except BaseException:
            own_end.close()
            raise
        finally:
            worker_end.close()
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
        """Whether it was told to serve and has not ended."""
        return self._may_serve and not self.ended.is_set()

    def start_serving(self) -> None:
        """Have its health say SERVING."""
        self._may_serve = True
        self._send(Serve())

    def collect(self) -> "asyncio.Future[None]":
        """Ask for its metrics, unless it is asked already; done when they are there.

        Done at once for a process that has none yet, or has ended.
        """
        if self._collected.done() and self._is_loaded:
            self._collected = asyncio.get_running_loop().create_future()
            self._send(Collect())
        return self._collected

    async def reload(self, model: ModelSnapshot) -> str:
        """Have it replace the model of this name; returns why not, empty: it has.

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

    def _start(self, cores: Collection[int]) -> None:
        """Start the process with the cores and the signal mask of a worker.

        It inherits both from this thread, which has them for that moment. The cores
        must be set before it runs: libraries count them when they are loaded. And the
        signals must be blocked from its first moment to its last.
        """
        own_cores = os.sched_getaffinity(0)
        own_mask = signal.pthread_sigmask(signal.SIG_BLOCK, SUPERVISOR_SIGNALS)
        os.sched_setaffinity(0, cores)
        try:
            self._process.start()
        finally:
            os.sched_setaffinity(0, own_cores)
            signal.pthread_sigmask(signal.SIG_SETMASK, own_mask)

    def _send(self, message: Message) -> None:
        if self._channel is not None:
            self._channel.send(message)

    async def _follow(self, end: socket.socket) -> None:
        """Handle its messages until it has ended, and then settle what is awaited."""
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


def _has_failed(future: "asyncio.Future[None]") -> bool:
    return future.cancelled() or future.exception() is not None


def _done(value: Value) -> "asyncio.Future[Value]":
    future = asyncio.get_running_loop().create_future()
    future.set_result(value)
    return future
