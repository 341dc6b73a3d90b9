"""The cluster: one that is there, or one of this machine's cores for as long as a job runs."""

import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any

import ray

from facewire_server.batch.store import short_message
from facewire_server.errors import CommandError

STANDARD_ERROR = 2

ATTEMPTS = 3
TIMED_OUT = "timed out during startup"

STORE_BYTES = 256 << 20
"""Of shared memory, for a local cluster: it holds the model, and rows on their way."""


@contextmanager
def joined(address: str | None, cores: int) -> Iterator[None]:
    """Be part of a cluster: the one at `address`, or a new one of `cores` cores of this machine.

    `address` is HOST:PORT, or `auto` for the one that this machine is part of. Raises
    CommandError if there is none.
    """
    local: dict[str, Any] = {
        "num_cpus": cores,
        "include_dashboard": False,
        "object_store_memory": STORE_BYTES,
    }
    # What Ray says of its workers is no output of the command.
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
        try:
            _init(address or "local", **(local if address is None else {}))
            yield
        finally:
            ray.shutdown()


def _init(address: str, **options: Any) -> None:
    try:
        with _hidden_errors(), _kept_handlers():
            _patiently(address, **options)
    except Exception as error:
        where = "a local cluster" if address == "local" else f"--ray {address}"
        raise CommandError(f"{where}: {short_message(error)}") from error


def _patiently(address: str, **options: Any) -> None:
    """Call ray.init, which gives a local cluster 30 s: too few on a machine with other work."""
    for attempt in range(ATTEMPTS):
        try:
            ray.init(address, log_to_driver=False, logging_level=logging.ERROR, **options)
        except Exception as error:
            ray.shutdown()
            if TIMED_OUT not in str(error) or attempt == ATTEMPTS - 1:
                raise
        else:
            return


@contextmanager
def _kept_handlers() -> Iterator[None]:
    """Put the handlers of signals back: Ray's own print a trace, and end the process."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, handler in handlers.items():
                signal.signal(number, signal.SIG_DFL if handler is None else handler)


@contextmanager
def _hidden_errors() -> Iterator[None]:
    """Hide what is written to standard error: Ray's C++ code says there how it was configured."""
    sys.stderr.flush()
    with open(os.devnull, "wb") as nowhere:
        kept = os.dup(STANDARD_ERROR)
        try:
            os.dup2(nowhere.fileno(), STANDARD_ERROR)
            yield
        finally:
            os.dup2(kept, STANDARD_ERROR)
            os.close(kept)
