"""One of several processes of a server, as its supervisor sees it."""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Collection

from facewire_server.config import Config
from facewire_server.errors import ModelError
from facewire_server.workers.worker import Failed, Loaded, SetUpLog, work


class WorkerProcess:
    """A process that was started on its part of the cores."""

    def __init__(
        self,
        config: Config,
        number: int,
        cores: Collection[int],
        set_up_log: SetUpLog,
        *,
        replaces: bool = False,
    ) -> None:
        """Starts it. `number` is its name in the log."""
        loop = asyncio.get_running_loop()
        self.number = number
        self.loaded: asyncio.Future[None] = loop.create_future()
        """Done when it has its models; fails with ModelError when it ends before."""
        self.ended = asyncio.Event()
        # Not forked: gRPC and OpenVINO have threads by now, or soon.
        context = multiprocessing.get_context("spawn")
        self._connection, its = context.Pipe()
        self._process = context.Process(
            target=work,
            args=(config, number, replaces, set_up_log, its),
            name=f"facewire-worker-{number}",
        )
        # A process inherits the cores of the thread that starts it, and libraries
        # look how many there are when they are loaded.
        own = os.sched_getaffinity(0)
        os.sched_setaffinity(0, cores)
        try:
            self._process.start()
        finally:
            os.sched_setaffinity(0, own)
        its.close()
        loop.add_reader(self._connection.fileno(), self._heard)
        loop.add_reader(self._process.sentinel, self._on_end)

    @property
    def pid(self) -> int:
        """Its number in the system."""
        assert self._process.pid is not None
        return self._process.pid

    @property
    def status(self) -> int:
        """What it has ended with: an exit status, or minus the number of a signal."""
        return self._process.exitcode or 0

    def let_in(self) -> None:
        """Has it say that it is healthy."""
        self._connection.send(None)

    def signal(self, number: signal.Signals) -> None:
        """Sends it a signal, if it still runs."""
        if self._process.is_alive():
            os.kill(self.pid, number)

    def _heard(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            message = self._connection.recv()
        except EOFError:
            loop.remove_reader(self._connection.fileno())
            return
        if self.loaded.done():
            return
        if isinstance(message, Loaded):
            self.loaded.set_result(None)
        elif isinstance(message, Failed):
            self.loaded.set_exception(ModelError(message.message))

    def _on_end(self) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._process.sentinel)
        self._process.join()
        if not self.loaded.done():
            self._heard()  # what it has said last may not have been read yet
        if not self.loaded.done():
            words = f"worker {self.number} ended with status {self.status}"
            self.loaded.set_exception(ModelError(f"{words} before it was ready"))
        loop.remove_reader(self._connection.fileno())
        self._connection.close()
        self.ended.set()
