"""What tells that files have changed: their times and sizes, and which ones they are."""

from pathlib import Path

Fingerprint = tuple[tuple[int, int, int], ...]
"""What a change of files changes."""

POLL_SECONDS = 1.0
"""How often files are looked at. Polling also sees changes on network drives."""


def fingerprint(*paths: Path) -> Fingerprint:
    """Time, size and number of each file; zeros for one that cannot be looked at."""
    return tuple(_stamp(path) for path in paths)


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return 0, 0, 0
    return found.st_mtime_ns, found.st_size, found.st_ino
