"""What a gRPC server listens on: all addresses of its host, or a Unix socket."""

import socket
from collections.abc import Callable

from facewire_server.config import Config
from facewire_server.errors import ConfigError
from facewire_server.lifecycle.socket_file import SocketFile
from facewire_server.system.addresses import endpoints, listen_error, socket_path, target_of

AddPort = Callable[[str], int]
"""Has a server listen at an address of gRPC's; returns the port. RuntimeError: no."""


class Listener:
    """The endpoints of one server, or its socket."""

    def __init__(self, config: Config, *, shares_port: bool) -> None:
        """`shares_port`: with other processes of the same server."""
        self._host, self._port = config.host, config.port
        self._options = (socket.SO_REUSEPORT,) if shares_port else ()
        path = socket_path(config.host)
        self._file = SocketFile(path, config.socket_mode) if path is not None else None

    def open(self, add: AddPort) -> int:
        """Has a server listen; returns its port, 0 for a socket.

        Raises ConfigError, which says what keeps it from that.
        """
        if self._file is not None:
            self._file.listen(add)
            return 0
        try:
            ips, port = endpoints(self._host, self._port, *self._options)
        except OSError as error:
            raise listen_error("listen", self._host, self._port, error) from None
        for ip in ips:
            try:
                port = add(target_of(ip, port))
            except RuntimeError:
                where = target_of(ip, port)
                raise ConfigError(f"cannot listen on {where}: it is taken") from None
        return port

    def close(self) -> None:
        """Called when the server listens no more."""
        if self._file is not None:
            self._file.remove()
