"""The address of a cluster, checked before Ray is imported."""

import socket

from facewire_server.batch.store import short_message
from facewire_server.errors import CommandError

SECONDS = 5.0
"""How long a cluster may take to accept a connection."""


def check(address: str) -> None:
    """Raise CommandError within seconds for an address that Ray would long wait for."""
    if address == "auto":
        return
    host, colon, port = address.rpartition(":")
    if not colon or "/" in host or not port.isdecimal():
        raise CommandError(f"--ray {address}: not HOST:PORT of a cluster's head node, nor auto")
    try:
        socket.create_connection((host.strip("[]"), int(port)), SECONDS).close()
    except (OSError, OverflowError) as error:
        raise CommandError(f"--ray {address}: no cluster there ({short_message(error)})") from None
