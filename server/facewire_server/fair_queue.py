"""A queue in which clients take turns.

Rule: the turn goes round the clients that have something waiting, one item each;
the items of one client come out in the order in which they went in. However much one
client puts in, the first item of another waits for at most one item of each client.
"""

from collections import OrderedDict, deque
from collections.abc import Hashable, Iterator
from itertools import chain, islice
from typing import Generic, TypeVar

T = TypeVar("T")


class FairQueue(Generic[T]):
    """Items by client. Not to be used by two threads at a time."""

    def __init__(self) -> None:
        self._lines: OrderedDict[Hashable, deque[T]] = OrderedDict()
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def push(self, client: Hashable, item: T) -> None:
        """Puts an item at the end of its client's line."""
        self._lines.setdefault(client, deque()).append(item)
        self._length += 1

    def pop(self) -> T | None:
        """Takes the next item out; None: there is none."""
        if not self._lines:
            return None
        client, line = self._lines.popitem(last=False)
        item = line.popleft()
        if line:
            self._lines[client] = line  # behind all the others
        self._length -= 1
        return item

    def remove(self, client: Hashable, item: T) -> bool:
        """Takes an item out of its client's line; False: it is not there."""
        line = self._lines.get(client)
        if line is None or item not in line:
            return False
        line.remove(item)
        if not line:
            del self._lines[client]
        self._length -= 1
        return True

    def ahead(self, client: Hashable) -> Iterator[T]:
        """The items that come out before one that this client would put in now."""
        rounds = len(self._lines.get(client, ())) + 1
        return chain.from_iterable(
            islice(line, rounds) for line in self._lines.values()
        )

    def lines(self) -> Iterator[tuple[Hashable, deque[T]]]:
        """The clients that have something waiting, with their items."""
        return iter(self._lines.items())
