"""A port that several processes listen on, each with a socket of its own."""

import socket
from typing import Any, Self

from facewire_server.errors import ConfigError


class SharedPort:
    """Keeps a port for the processes of one server while it is open.

    The kernel spreads connections over those who listen (SO_REUSEPORT); this one
    never does, and only keeps the port when nobody else listens.
    """

    def __init__(self, host: str, port: int) -> None:
        """Takes a port, 0: a free one. Raises ConfigError when it is not to be had."""
        try:
            family, kind, proto, _, address = socket.getaddrinfo(
                host, port, type=socket.SOCK_STREAM
            )[0]
            if port:
                # To share a port with another server would be a mistake.
                _bound(socket.socket(family, kind, proto), address).close()
            self._socket = _bound(
                socket.socket(family, kind, proto), address, socket.SO_REUSEPORT
            )
        except OSError:
            raise ConfigError(
                f"cannot listen on {host}:{port}: it is taken, or not ours"
            ) from None
        self.port = int(self._socket.getsockname()[1])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()


def _bound(fresh: socket.socket, address: Any, *options: int) -> socket.socket:
    """A socket at an address. Raises OSError, and closes it then."""
    try:
        for option in (socket.SO_REUSEADDR, *options):
            fresh.setsockopt(socket.SOL_SOCKET, option, 1)
        fresh.bind(address)
    except OSError:
        fresh.close()
        raise
    return fresh
