"""A server on a thread of this process, for the demo and for tests."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

import uvloop

from facewire_server.config import Config
from facewire_server.lifecycle.loading import start_loading
from facewire_server.lifecycle.server import Server
from facewire_server.system.addresses import target_of


class BackgroundServer:
    """A server that is ready while the context is open, and drains at its end.

    `with BackgroundServer(Config(port=0)) as server:` and then `server.target`.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.port = 0
        self.metrics_port: int | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="facewire-server")
        self._ready = threading.Event()
        self._ended: Future[None] = Future()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._reload: Callable[[], None] | None = None
        self._stop = asyncio.Event()

    @property
    def target(self) -> str:
        """The target for clients: HOST:PORT, [IPV6]:PORT or unix:PATH."""
        return target_of(self.config.host, self.port)

    def __enter__(self) -> Self:
        """Return when the models are loaded. Raises ConfigError and ModelError."""
        self._ended = self._thread.submit(uvloop.run, self._serve())
        # A server that fails to start ends without being ready.
        self._ended.add_done_callback(lambda _: self._ready.set())
        self._ready.wait()
        if self._ended.done():
            self._thread.shutdown()
            self._ended.result()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Drain and stop."""
        self.begin_drain()
        self._thread.shutdown()
        self._ended.result()

    def begin_drain(self) -> None:
        """Have the server begin to drain; do not wait for it."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop.set)

    def reload(self) -> None:
        """Have the models reloaded soon, as SIGHUP would."""
        if self._loop is not None and self._reload is not None:
            self._loop.call_soon_threadsafe(self._reload)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        async with Server(self.config) as server:
            self._reload = server.reload
            await server.load(start_loading(self.config))
            await server.open()
            self.port, self.metrics_port = server.port, server.metrics_port
            self._ready.set()
            await self._stop.wait()
            await server.drain()
