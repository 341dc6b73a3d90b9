"""Regions of POSIX shared memory that callers have registered by name.

Rule: nothing here depends on what another process does with an object. Its size is checked
when a region is registered and again after each use; in between its bytes may change at any
time, and lost ones read as zeros (facewire_ext.SharedMapping).
"""

import asyncio
import os
import stat
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from facewire_ext import SharedMapping
from facewire_server.errors import Reason, RefusalError, RequestError
from facewire_server.system.memory import is_shortage

FOLDER = Path("/dev/shm")
"""Where Linux has the objects of shm_open."""

MOST_REGIONS = 256
MOST_BYTES = 4 << 30
"""The most regions, and the most bytes of all of them, that are registered at a time.

They bound the file descriptors, and what a reader of unwritten pages makes the system allocate.
"""

FOLLOW_SECONDS = 10.0
"""Seconds between two looks for objects that have lost their names."""

IDLE_SECONDS = 3600.0
"""A region that was not used for so long gives way to a new one beyond the bounds."""

SHOWN = 64
"""How many characters of a name an error repeats."""

_FLAGS = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


@dataclass(slots=True, eq=False)
class Region:
    """`size` bytes of the object `key` from `offset` on, mapped while anything refers to it."""

    name: str
    key: str
    offset: int
    mapping: SharedMapping
    last_used: float = field(default=0.0)

    @property
    def size(self) -> int:
        """In bytes."""
        return len(self.mapping)

    @property
    def is_unlinked(self) -> bool:
        """Whether the object has lost its name, as when its owner has destroyed it."""
        return not os.fstat(self.mapping.fileno()).st_nlink

    def check(self) -> None:
        """Raise RequestError (BAD_REGION) if the object has become shorter than the region."""
        size = os.fstat(self.mapping.fileno()).st_size
        if self.mapping.is_broken or size < self.offset + self.size:
            raise bad_region(
                f"{self.title}: its object was made shorter after it was registered; register"
                " it again"
            )

    def part(self, start: int, size: int) -> memoryview:
        """A read-only view of some bytes, which may change; they must lie within the region."""
        return memoryview(self.mapping)[start : start + size]

    @property
    def title(self) -> str:
        """What errors call it."""
        return f"the region {self.name[:SHOWN]!r}"


class Regions:
    """The registered regions by their names. Not thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._regions: dict[str, Region] = {}

    def register(self, name: str, key: str, offset: int, size: int) -> None:
        """Map `size` bytes of the object `key` from `offset` on, and name them `name`.

        RequestError: REGION_EXISTS for a name in use; BAD_REGION for an empty name, a key that
        names no object, and bytes that do not lie within it. RefusalError: TOO_MANY_REGIONS.
        MemoryError and OSError for lack of memory and of file descriptors.
        """
        if not name:
            raise bad_region("a region needs a name")
        self.drop_unlinked()
        if name in self._regions:
            raise RequestError(
                Reason.REGION_EXISTS, f"the region {name[:SHOWN]!r} is registered already"
            )
        region = _mapped(name, key, offset, size)
        self._make_room(size)
        region.last_used = self._clock()
        self._regions[name] = region

    def unregister(self, name: str) -> None:
        """Forget a region; an empty name: all. It stays mapped while a request uses it."""
        if name:
            self._regions.pop(name, None)
        else:
            self._regions.clear()

    def get(self, name: str) -> Region:
        """The region of this name. Raises RequestError (UNKNOWN_REGION)."""
        region = self._regions.get(name)
        if region is None:
            raise RequestError(Reason.UNKNOWN_REGION, f"no region {name[:SHOWN]!r} is registered")
        region.last_used = self._clock()
        return region

    def all(self) -> Sequence[Region]:
        """All regions whose objects still have a name."""
        self.drop_unlinked()
        return list(self._regions.values())

    async def follow(self) -> None:
        """Forget regions whose objects have lost their names, until it is cancelled."""
        while True:
            await asyncio.sleep(FOLLOW_SECONDS)
            self.drop_unlinked()

    def drop_unlinked(self) -> None:
        """Forget the regions whose objects have lost their names."""
        for region in list(self._regions.values()):
            if region.is_unlinked:
                del self._regions[region.name]

    def _make_room(self, size: int) -> None:
        """Forget idle regions until one more fits. Raises RefusalError if there are too few."""
        by_use = sorted(self._regions.values(), key=lambda region: region.last_used)
        total = sum(region.size for region in by_use) + size
        for region in by_use:
            if len(self._regions) < MOST_REGIONS and total <= MOST_BYTES:
                return
            if self._clock() - region.last_used < IDLE_SECONDS:
                break
            del self._regions[region.name]
            total -= region.size
        if len(self._regions) >= MOST_REGIONS or total > MOST_BYTES:
            raise RefusalError(
                Reason.TOO_MANY_REGIONS,
                f"{len(self._regions)} regions are registered; {MOST_REGIONS} of"
                f" {MOST_BYTES >> 20} MiB together are allowed",
            )


def bad_region(problem: str) -> RequestError:
    """BAD_REGION: a region, or a part of one, that cannot be used."""
    return RequestError(Reason.BAD_REGION, problem)


def _mapped(name: str, key: str, offset: int, size: int) -> Region:
    """Map a part of an object. Raises RequestError (BAD_REGION), MemoryError and OSError."""
    file = key.removeprefix("/")
    if file in ("", ".", "..") or "/" in file or "\0" in file:
        raise bad_region(f"{key[:SHOWN]!r} is not the name of a shared memory object")
    descriptor, writable = _open(file)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise bad_region(f"{key[:SHOWN]!r} is not a shared memory object")
        if size < 1 or offset + size > found.st_size:
            raise bad_region(
                f"{size} bytes from {offset} on are not within {key[:SHOWN]!r}, which has"
                f" {found.st_size}"
            )
        return Region(name, key, offset, SharedMapping(descriptor, offset, size, writable=writable))
    except OSError as error:
        if is_shortage(error):
            raise
        raise bad_region(f"{key[:SHOWN]!r} cannot be mapped: {error.strerror}") from None
    finally:
        os.close(descriptor)


def _open(file: str) -> tuple[int, bool]:
    """Open an object, for writing where it may be written.

    Raises RequestError (BAD_REGION), and OSError for lack of file descriptors.
    """
    path = FOLDER / file
    try:
        with suppress(PermissionError):
            return os.open(path, os.O_RDWR | _FLAGS), True
        return os.open(path, os.O_RDONLY | _FLAGS), False
    except OSError as error:
        if is_shortage(error):
            raise
        raise bad_region(f"{file[:SHOWN]!r} cannot be opened: {error.strerror}") from None
