"""Reads the photos of a part ahead of the work on them, by threads, in bounded memory."""

import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any

from facewire_server.batch import parquet
from facewire_server.batch.store import ADDRESS, Store
from facewire_server.errors import Reason, RequestError

logger = logging.getLogger("facewire_server.batch")

AHEAD_BYTES = 64 << 20
"""The most bytes that are read ahead, unless a single photo has more."""

UNKNOWN_BYTES = 4 << 20
"""What a photo of unknown size is counted as."""

THREADS, FAR_THREADS = 2, 16
"""How many photos are read at a time, from this machine's files and from elsewhere."""

Read = Callable[[], bytes]
Item = Mapping[str, Any]
"""A work item: a row of `source.ITEMS` with its number."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads photos of one SOURCE; files of over `limit` bytes are refused unread."""

    store: Store
    column: str | None
    limit: int

    @property
    def threads(self) -> int:
        """How many photos are read at a time."""
        return THREADS if self.store.is_local else FAR_THREADS

    def read(self, items: Sequence[Item], threads: Executor) -> Iterator[tuple[Item, Read]]:
        """Yield each item and what returns its bytes, or raises why there are none.

        All items are of one row group, or none is of Parquet.
        """
        if items[0]["group"] is not None:
            yield from self._of_group(items)
            return
        pending = deque[tuple[Item, Future[bytes]]]()
        waiting, reserved = deque(items), 0
        while waiting or pending:
            while waiting and len(pending) < self.threads:
                size = _size(waiting[0])
                if pending and reserved + size > AHEAD_BYTES:
                    break
                item = waiting.popleft()
                place = item["place"].decode(errors="surrogateescape")
                pending.append((item, threads.submit(self._file, place, item["size"])))
                reserved += size
            item, future = pending.popleft()
            yield item, future.result
            reserved -= _size(item)

    def _of_group(self, items: Sequence[Item]) -> Iterator[tuple[Item, Read]]:
        place = items[0]["place"].decode(errors="surrogateescape")
        by_row = {item["row"]: item for item in items}
        assert self.column is not None
        try:
            found = parquet.images(self.store, place, self.column, items[0]["group"], set(by_row))
            for row, data, path in found:
                yield by_row.pop(row), self._image(place, data, path)
        except Exception as error:
            logger.debug("%s cannot be read", place, exc_info=True)
            failure = error
        else:
            failure = OSError("the Parquet file has become shorter")
        for item in by_row.values():
            yield item, _raiser(failure)

    def _image(self, place: str, data: bytes, path: str | None) -> Read:
        if data or path is None:
            return lambda: _checked(data, self.limit)
        return lambda: self._file(parquet.resolve(self.store, place, path), -1)

    def _file(self, place: str, size: int) -> bytes:
        if not place:
            raise OSError("the column names no file")
        store, path = Store.find(place) if ADDRESS.match(place) else (self.store, place)
        return store.read(path, size, self.limit)


def _size(item: Item) -> int:
    return UNKNOWN_BYTES if item["size"] < 0 else int(item["size"])


def _checked(data: bytes, limit: int) -> bytes:
    if len(data) > limit:
        message = f"the image has {len(data)} bytes, and the limit is {limit}"
        raise RequestError(Reason.IMAGE_TOO_LARGE, message)
    return data


def _raiser(error: Exception) -> Read:
    def fail() -> bytes:
        raise error

    return fail
