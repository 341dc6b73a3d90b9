"""The listener of a gRPC server: at all addresses of its host, or on a Unix socket."""

import errno
import os
import socket
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

from facewire_server.config import Config
from facewire_server.errors import ConfigError
from facewire_server.system.addresses import endpoints, listen_error, socket_path, target_of

AddPort = Callable[[str], int]
"""Has a gRPC server listen on a gRPC address; returns the port. Raises RuntimeError."""

MAX_SOCKET_PATH = 107
"""Bytes of a path that clients can connect to: sun_path has 108, the last of them zero."""


class Listener:
    """The endpoints of one server, or its Unix socket."""

    def __init__(self, config: Config, *, shares_port: bool) -> None:
        """`shares_port`: with other processes of the same server (SO_REUSEPORT)."""
        self._host, self._port = config.host, config.port
        self._options = (socket.SO_REUSEPORT,) if shares_port else ()
        path = socket_path(config.host)
        self._file = SocketFile(path, config.socket_mode) if path is not None else None

    def open(self, add: AddPort) -> int:
        """Have a server listen; returns its port, 0 for a Unix socket.

        Raises ConfigError, which gives the reason.
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
                # `endpoints` has found it free: another process was faster.
                where = target_of(ip, port)
                raise ConfigError(f"cannot listen on {where}: it is taken") from None
        return port

    def close(self) -> None:
        """Remove the socket's file; to be called once the server has stopped listening."""
        if self._file is not None:
            self._file.remove()


class SocketFile:
    """The file of a Unix socket, from before a server listens on it until after.

    Rule: the file never exists with other permissions than those in the settings, and that
    of a running server is never removed.
    """

    def __init__(self, path: Path, mode: int) -> None:
        """`mode`: the permissions of the file, which decide who may connect."""
        self._path = path
        self._mode = mode
        self._own: tuple[int, int] | None = None

    def listen(self, add: Callable[[str], object]) -> None:
        """Have a server listen there; `add` gets the gRPC address of the socket.

        The file of a server that has died is replaced. Raises ConfigError.
        """
        try:
            self._check()
            self._bind(add)
        except OSError as error:
            raise self._error(error.strerror or str(error)) from None

    def remove(self) -> None:
        """Delete the file, unless another server has replaced it by its own."""
        try:
            if self._own == _identity(self._path):
                self._path.unlink()
        except OSError:
            pass  # it is gone already, or the permission to delete it is

    def _check(self) -> None:
        """Raise ConfigError unless the path is free or has the socket of a dead server."""
        if len(os.fsencode(self._path)) > MAX_SOCKET_PATH:
            raise self._error(f"the path is longer than {MAX_SOCKET_PATH} bytes")
        try:
            mode = self._path.lstat().st_mode
        except FileNotFoundError:
            return
        if not stat.S_ISSOCK(mode):
            raise self._error("there is a file, and it is no socket")
        with socket.socket(socket.AF_UNIX) as caller:
            # A busy server has a full backlog: a connect that blocks would wait for it,
            # and one that does not gets EAGAIN.
            caller.setblocking(False)
            found = caller.connect_ex(os.fspath(self._path))
        if found in (0, errno.EAGAIN):
            raise self._error("a server listens there")
        if found not in (errno.ECONNREFUSED, errno.ENOENT):
            raise self._error(os.strerror(found))

    def _bind(self, add: Callable[[str], object]) -> None:
        # The socket is made in a folder that only this user can enter, gets its
        # permissions, and is then renamed to its path: gRPC sets none, and a chmod at the
        # final path would leave a moment in which others can connect.
        with tempfile.TemporaryDirectory(prefix=".", dir=self._path.parent) as folder:
            fresh = Path(folder, "socket")
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                # The folder is named by its descriptor: gRPC reads a path as a URI, where
                # "%" and "?" mean something, and the longer one may not fit sun_path.
                add(f"unix:/proc/self/fd/{descriptor}/{fresh.name}")
            except RuntimeError:
                raise self._error("gRPC cannot") from None
            finally:
                os.close(descriptor)
            fresh.chmod(self._mode)
            fresh.replace(self._path)
        self._own = _identity(self._path)

    def _error(self, reason: str) -> ConfigError:
        return ConfigError(f"cannot listen on unix:{self._path}: {reason}")


def _identity(path: Path) -> tuple[int, int]:
    """Return device and inode of a file, by which `remove` recognises it."""
    found = path.lstat()
    return found.st_dev, found.st_ino
