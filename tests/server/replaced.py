"""Replace the files of a running server, and wait until it has noticed."""

import time
from collections.abc import Callable
from pathlib import Path


def replace(path: Path, content: bytes | bytearray) -> None:
    """Replace a file in one step, by a new inode: no server reads half of it."""
    fresh = path.with_name(f"{path.name}.fresh")
    fresh.write_bytes(content)
    fresh.replace(path)


def wait_until(holds: Callable[[], bool]) -> None:
    """Ask again and again until it holds, for at most a minute."""
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)
