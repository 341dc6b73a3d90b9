"""POSIX shared memory objects, as other programs make them."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from facewire_server.system.shared_memory import FOLDER


@contextmanager
def shared_object(data: bytes) -> Iterator[Path]:
    """The file of an object with this content; its name is the key of a region."""
    path = FOLDER / f"facewire-test-{secrets.token_hex(8)}"
    path.write_bytes(data)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
