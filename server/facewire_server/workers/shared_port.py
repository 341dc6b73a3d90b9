"""A port that several processes listen on, each with a socket of its own."""

import socket
from contextlib import ExitStack
from typing import Self

from facewire_server.system.addresses import bound, endpoints, listen_error


class SharedPort:
    """Keeps a port for the processes of one server while it is open.

    The kernel spreads connections over those who listen (SO_REUSEPORT); this one
    never does, and only keeps the port when nobody else listens.
    """

    def __init__(self, host: str, port: int) -> None:
        """Takes a port, 0: a free one, at all addresses of a host.

        Raises ConfigError when it is not to be had.
        """
        self._sockets = ExitStack()
        try:
            # To share a port with another server would be a mistake.
            ips, found = endpoints(host, port)
            for ip in ips:
                kept = self._sockets.enter_context(bound(ip, found, socket.SO_REUSEPORT))
                found = int(kept.getsockname()[1])
        except OSError as error:
            self._sockets.close()
            raise listen_error("listen", host, port, error) from None
        self.port = found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._sockets.close()
