"""A Unix socket's file, from before a server listens on it until after.

Rule: the socket is never there with other rights than its own, and the file of a server
that lives is never taken away.
"""

import errno
import os
import socket
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

from facewire_server.errors import ConfigError

MAX_BYTES = 107
"""Of a path that clients can connect to: sun_path has 108, with a zero at its end."""


class SocketFile:
    """The file that clients connect to."""

    def __init__(self, path: Path, mode: int) -> None:
        """`mode`: who may connect, as rights of the file."""
        self._path = path
        self._mode = mode
        self._own: tuple[int, int] | None = None

    def listen(self, add: Callable[[str], object]) -> None:
        """Has a server listen there; `add` gets an address of gRPC's.

        What a dead server has left there is replaced. Raises ConfigError.
        """
        try:
            self._check()
            self._bind(add)
        except OSError as error:
            raise self._error(error.strerror or str(error)) from None

    def remove(self) -> None:
        """Takes the file away, if it is still this one."""
        try:
            if self._own == _identity(self._path):
                self._path.unlink()
        except OSError:
            pass  # somebody else has, or it can no longer be done

    def _check(self) -> None:
        if len(os.fsencode(self._path)) > MAX_BYTES:
            raise self._error(f"the path is longer than {MAX_BYTES} bytes")
        try:
            mode = self._path.lstat().st_mode
        except FileNotFoundError:
            return
        if not stat.S_ISSOCK(mode):
            raise self._error("there is a file, and it is no socket")
        with socket.socket(socket.AF_UNIX) as caller:
            # Or else it would wait for a server that is busy.
            caller.setblocking(False)
            found = caller.connect_ex(os.fspath(self._path))
        if found in (0, errno.EAGAIN):
            raise self._error("a server listens there")
        if found not in (errno.ECONNREFUSED, errno.ENOENT):
            raise self._error(os.strerror(found))

    def _bind(self, add: Callable[[str], object]) -> None:
        # In a folder that only we can enter, until its rights are right. It is named by
        # its descriptor: gRPC reads a path as a URI, and a longer one may not fit.
        with tempfile.TemporaryDirectory(prefix=".", dir=self._path.parent) as folder:
            fresh = Path(folder, "socket")
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                add(f"unix:/proc/self/fd/{descriptor}/{fresh.name}")
            except RuntimeError:
                raise self._error("gRPC cannot") from None
            finally:
                os.close(descriptor)
            fresh.chmod(self._mode)
            fresh.replace(self._path)
        self._own = _identity(self._path)

    def _error(self, why: str) -> ConfigError:
        return ConfigError(f"cannot listen on unix:{self._path}: {why}")


def _identity(path: Path) -> tuple[int, int]:
    found = path.lstat()
    return found.st_dev, found.st_ino
