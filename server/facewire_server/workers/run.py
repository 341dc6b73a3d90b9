"""Running a server of several worker processes until a signal ends it."""

import asyncio
import logging
import socket
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from typing import NoReturn, Self

from facewire_server.config import Config
from facewire_server.lifecycle.early_signals import STOP
from facewire_server.lifecycle.run import exit_now, on_hangup, stop_event
from facewire_server.system.addresses import bind_socket, endpoints, listen_error, target_of
from facewire_server.workers.shared_metrics import SharedMetrics
from facewire_server.workers.supervisor import Supervisor
from facewire_server.workers.worker import ProcessSetup

logger = logging.getLogger("facewire_server.workers.supervisor")


async def supervise(
    config: Config, setup: ProcessSetup, announce: Callable[[str], None]
) -> NoReturn:
    """Serve with `config.workers` processes until a signal, as `lifecycle.run.run` does."""
    with SharedPort(config.host, config.port) as port:
        metrics = SharedMetrics()
        worker_config = replace(config, port=port.port, metrics_port=None)
        supervisor = Supervisor(worker_config, setup, metrics)
        stop = stop_event(STOP, supervisor.end_at_once)
        on_hangup(supervisor.reload)
        if config.metrics_port is not None:
            served = metrics.serve(config.metrics_host, config.metrics_port)
            logger.info("metrics on port %d", served.port)
        start = asyncio.ensure_future(supervisor.start())
        stopped = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait((stopped, start), return_when=asyncio.FIRST_COMPLETED)
            if start.done():
                start.result()
                announce(f"listening on {target_of(config.host, port.port)}")
            await stopped
        finally:
            start.cancel()
            await supervisor.end()
    exit_now(0)


class SharedPort:
    """Reserves a port for the worker processes of one server while it is open.

    With SO_REUSEPORT every worker has its own socket on the port, and the kernel
    spreads new connections over those that listen. The supervisor's socket is bound
    only: it gets no connection, and keeps the port reserved while no worker listens.
    """

    def __init__(self, host: str, port: int) -> None:
        """Reserve a port, 0: a free one, at all addresses of a host.

        Raises ConfigError when it cannot be reserved.
        """
        self._sockets = ExitStack()
        try:
            # Tried without SO_REUSEPORT first: with it, binding succeeds beside another
            # server that shares its port as well, and the two would share the callers.
            ips, found = endpoints(host, port)
            for ip in ips:
                bound = self._sockets.enter_context(bind_socket(ip, found, socket.SO_REUSEPORT))
                found = int(bound.getsockname()[1])
        except OSError as error:
            self._sockets.close()
            raise listen_error("listen", host, port, error) from None
        self.port = found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._sockets.close()
