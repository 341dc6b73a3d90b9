"""A file in an object store, or in another place that fsspec opens by its address.

Rule: fsspec's libraries have exceptions of their own, so that what is not known to be final
is a TransientError.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import fsspec
from fsspec.exceptions import FSTimeoutError

from facewire_server.catalogue.origin import (
    Body,
    MissingFileError,
    Origin,
    TransientError,
    check_length,
)
from facewire_server.catalogue.redaction import hide_secrets
from facewire_server.errors import ModelError

BLOCK_SIZE = 1 << 20
"""Bytes that are asked for at a time. No more of a file is lost if a connection breaks."""

LONGEST_MESSAGE = 300
"""Characters of a library's message that are shown: stores answer with pages of HTML."""


def open_store(mirror: str) -> tuple[fsspec.AbstractFileSystem, str]:
    """Return the store that an address is in, and the path in it. Raises ModelError.

    Some libraries connect here, or look for credentials.
    """
    try:
        store, path = fsspec.url_to_fs(mirror)
    except Exception as error:
        raise ModelError(f"--mirror {hide_secrets(mirror)}: {_short_message(error)}") from error
    # A store is shared in a process, and may remember that a file was missing.
    store.invalidate_cache()
    return store, path


class StoreOrigin(Origin):
    """A file in a store."""

    def __init__(self, store: fsspec.AbstractFileSystem, path: str, seconds: float) -> None:
        """An answer that is not whole after `seconds` is not waited for."""
        self._store = store
        self._path = path
        self._seconds = seconds

    def __str__(self) -> str:
        return hide_secrets(self._store.unstrip_protocol(self._path))

    @contextmanager
    def open(self, start: int, size: int) -> Iterator[Body]:
        """See Origin.open."""
        check_length(self, self._ask(self._store.info)["size"], size)
        yield Body(start, self._blocks(start, size))

    def _blocks(self, start: int, size: int) -> Iterator[bytes]:
        while start < size:
            end = min(start + BLOCK_SIZE, size)
            block: bytes = self._ask(self._store.cat_file, start=start, end=end)
            if len(block) != end - start:
                raise TransientError(
                    f"{self} answers with {len(block)} bytes instead of {end - start}"
                )
            yield block
            start = end

    def _ask(self, function: Callable[..., Any], **arguments: int) -> Any:
        """Call a function of the store with the path."""
        # fsspec can end a wait in asynchronous stores alone; others would refuse the argument.
        limit = {"timeout": self._seconds} if self._store.async_impl else {}
        try:
            return function(self._path, **arguments, **limit)
        except FileNotFoundError:
            raise MissingFileError(str(self)) from None
        except PermissionError as error:
            # S3 answers so for a missing file, too, to those who may not list the bucket.
            raise MissingFileError(f"{self} ({_short_message(error)})") from None
        except FSTimeoutError:
            raise TransientError(f"{self}: no whole answer within {self._seconds:g} s") from None
        except Exception as error:
            raise TransientError(f"{self}: {_short_message(error)}") from error


def _short_message(error: Exception) -> str:
    """Return an error of a library as one line, without secrets."""
    line = " ".join(str(error).split()) or type(error).__name__
    return hide_secrets(line)[:LONGEST_MESSAGE]
