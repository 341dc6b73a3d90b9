"""The cluster: one that is there, or one of this machine's cores for as long as a job runs."""

import logging
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any

import ray

from facewire_server.batch.store import short_message
from facewire_server.errors import CommandError

SECONDS = 5.0
"""How long a cluster may take to accept a connection."""

STANDARD_ERROR = 2

STORE_BYTES = 256 << 20
"""Of shared memory, for a local cluster: it holds the model, and rows on their way."""


@contextmanager
def joined(address: str | None, cores: int) -> Iterator[None]:
    """Be part of a cluster: the one at `address`, or a new one of `cores` cores of this machine.

    `address` is HOST:PORT, or `auto` for the one that this machine is part of. Raises
    CommandError within seconds if there is none.
    """
    local: dict[str, Any] = {
        "num_cpus": cores,
        "include_dashboard": False,
        "object_store_memory": STORE_BYTES,
    }
    if address is not None:
        _check(address)
    # What Ray says of its workers is no output of the command.
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
        try:
            _init(address or "local", **(local if address is None else {}))
            yield
        finally:
            ray.shutdown()


def _init(address: str, **options: Any) -> None:
    try:
        with _hidden_errors():
            ray.init(address, log_to_driver=False, logging_level=logging.ERROR, **options)
    except Exception as error:
        where = "a local cluster" if address == "local" else f"--ray {address}"
        raise CommandError(f"{where}: {short_message(error)}") from error
    # Ray's own adds a field to all records, which the log would show.
    logging.setLogRecordFactory(logging.LogRecord)


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


def _check(address: str) -> None:
    """Raise CommandError for an address that Ray would wait for, for minutes."""
    if address == "auto":
        return
    host, colon, port = address.rpartition(":")
    if not colon or "/" in host or not port.isdecimal():
        raise CommandError(f"--ray {address}: not HOST:PORT of a cluster's head node, nor auto")
    try:
        socket.create_connection((host.strip("[]"), int(port)), SECONDS).close()
    except (OSError, OverflowError) as error:
        raise CommandError(f"--ray {address}: no cluster there ({short_message(error)})") from None
