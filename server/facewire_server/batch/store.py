"""A file system or object store: lists, reads and writes files.

Rule: fsspec opens addresses where its library for them is installed, else pyarrow does.
"""

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import fsspec
from fsspec.implementations.local import LocalFileSystem

from facewire_server.catalogue.redaction import hide_secrets
from facewire_server.errors import CommandError, Reason, RequestError

ADDRESS = re.compile(r"[a-z][a-z\d+.-]*://", re.IGNORECASE)
MAGIC = re.compile(r"[*?[]")

LONGEST_MESSAGE = 300
"""Characters of a library's message that are shown: stores answer with pages of HTML."""


class Entry(NamedTuple):
    """A file: its path in the store, and its size in bytes where listing tells; else -1."""

    path: str
    size: int = -1


@dataclass(frozen=True, slots=True)
class Store:
    """A place that has files under paths. It can be pickled, and opens in other processes."""

    system: fsspec.AbstractFileSystem

    @classmethod
    def find(cls, address: str) -> tuple["Store", str]:
        """Return the store that a path or an address is in, and the path in it.

        Raises CommandError, without the secrets in the address.
        """
        if not ADDRESS.match(address):
            return cls(LocalFileSystem()), os.path.abspath(address)
        try:
            system, path = _open(address)
        except Exception as error:
            raise CommandError(f"{hide_secrets(address)}: {short_message(error)}") from error
        if not isinstance(system, LocalFileSystem):
            # A store is shared in a process, and may remember that a file was missing.
            system.invalidate_cache()
        return cls(system), path.rstrip("/") or path

    @property
    def is_local(self) -> bool:
        """Whether these are the files of this machine."""
        return isinstance(self.system, LocalFileSystem)

    def name(self, path: str) -> str:
        """Return the path or the address of a file, without secrets."""
        return printable(path) if self.is_local else public_name(self.system.unstrip_protocol(path))

    def is_glob(self, path: str) -> bool:
        """Whether it is a pattern. A file or folder of this name that is there goes first."""
        if self.is_local:
            return not os.path.exists(path) and bool(MAGIC.search(path))
        return "*" in path or "[" in path  # a question mark begins the query of an address

    def list(self, path: str) -> list[Entry]:
        """List the file at `path`, all files in the folder, or those that the glob matches.

        Sorted by path. Raises CommandError, also when there is nothing at `path`.
        """
        try:
            entries = self._local(path) if self.is_local else self._remote(path)
            return sorted(set(entries))
        except CommandError:
            raise
        except Exception as error:
            raise CommandError(f"{self.name(path)}: {short_message(error)}") from error

    def read(self, path: str, size: int, limit: int) -> bytes:
        """Read a file; `size` as in its Entry.

        Raises RequestError (IMAGE_TOO_LARGE) for one of more than `limit` bytes, and
        whatever the store raises.
        """
        if self.is_local:
            return _read_local(path, limit)
        if size < 0:
            size = self.system.info(path).get("size") or -1
        if size > limit:
            raise _too_large(size, limit)
        if size == 0:
            return b""
        if size > 0:
            return bytes(self.system.cat_file(path))
        with self.system.open(path) as file:  # a web server that does not tell the size
            data = bytes(file.read(limit + 1))
        if len(data) > limit:
            raise _too_large(len(data), limit)
        return data

    def write(self, path: str, data: bytes) -> None:
        """Write a file: it is there as a whole or not at all."""
        if not self.is_local:
            self.system.pipe_file(path, data)
            return
        folder, name = os.path.split(path)
        draft = os.path.join(folder, f".{name}.tmp")
        with open(draft, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)

    def _local(self, path: str) -> Iterator[Entry]:
        if os.path.isdir(path):
            return _walk(path)
        if os.path.exists(path):
            return iter([Entry(path)])
        if not self.is_glob(path):
            raise CommandError(f"there is no {self.name(path)}")
        return (Entry(each) for each in self.system.glob(path) if not os.path.isdir(each))

    def _remote(self, path: str) -> Iterator[Entry]:
        if self.is_glob(path):
            found = self.system.glob(path, detail=True)
        else:
            found = self.system.find(path, detail=True)
        if not found:
            raise CommandError(f"there is nothing at {self.name(path)}")
        for each, info in found.items():
            if info["type"] == "file":
                yield Entry(each, -1 if info.get("size") is None else info["size"])


def _open(address: str) -> tuple[Any, str]:
    try:
        system, path = fsspec.url_to_fs(address)
    except (ImportError, ValueError) as error:
        # Imported late: it takes longer than all else here.
        from fsspec.implementations.arrow import ArrowFSWrapper
        from pyarrow import ArrowInvalid
        from pyarrow.fs import FileSystem

        try:
            arrow, path = FileSystem.from_uri(address)
        except (ArrowInvalid, NotImplementedError):
            raise error from None
        system = ArrowFSWrapper(arrow)
    return system, str(path)


def _walk(top: str) -> Iterator[Entry]:
    """All files in a folder; links to folders are followed, each folder once."""

    def fail(error: OSError) -> None:
        raise error

    seen = set()
    for folder, folders, files in os.walk(top, onerror=fail, followlinks=True):
        status = os.stat(folder)
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        yield from (Entry(os.path.join(folder, name)) for name in files)


def _read_local(path: str, limit: int) -> bytes:
    # Without blocking: a pipe of this name would be waited for.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError("it is no file")
        if status.st_size > limit:
            raise _too_large(status.st_size, limit)
        return file.read(limit)


def _too_large(size: int, limit: int) -> RequestError:
    return RequestError(
        Reason.IMAGE_TOO_LARGE, f"the file has {size} bytes, and the limit is {limit}"
    )


def public_name(address: str) -> str:
    """Return an address without secrets; a hash stands for the query, which tells files apart."""
    hidden = hide_secrets(address)
    _, mark, query = address.partition("?")
    if not mark or hidden == address:
        return hidden
    return f"{hidden}#{hashlib.sha256(query.encode()).hexdigest()[:12]}"


def printable(text: str) -> str:
    """Return text that can be encoded: bytes of file names that are no UTF-8 are escaped."""
    return os.fsencode(text).decode(errors="backslashreplace")


def short_message(error: Exception) -> str:
    """Return an error as one line, without secrets."""
    if isinstance(error, OSError) and error.strerror:
        return hide_secrets(error.strerror)
    line = " ".join(str(error).split()) or type(error).__name__
    return hide_secrets(line)[:LONGEST_MESSAGE]
