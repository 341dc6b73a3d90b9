"""A queue in which clients take turns.

Rule: the turn goes round the clients that have something waiting, one item each;
the items of one client come out in the order in which they went in. However much one
client puts in, the first item of another waits for at most one item of each client.
"""

from collections import Counter, OrderedDict, deque
from collections.abc import Hashable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class FairQueue(Generic[T]):
    """Items by client. Not to be used by two threads at a time."""

    def __init__(self) -> None:
        self._lines: OrderedDict[Hashable, deque[T]] = OrderedDict()
        self._length = 0
        self._lengths: Counter[int] = Counter()  # how many lines are so long

    def __len__(self) -> int:
        return self._length

    def push(self, client: Hashable, item: T) -> None:
        """Puts an item at the end of its client's line."""
        line = self._lines.setdefault(client, deque())
        line.append(item)
        self._note(len(line), 1)

    def pop(self) -> T | None:
        """Takes the next item out; None: there is none."""
        if not self._lines:
            return None
        client, line = self._lines.popitem(last=False)
        item = line.popleft()
        if line:
            self._lines[client] = line  # behind all the others
        self._note(len(line), -1)
        return item

    def remove(self, client: Hashable, item: T) -> bool:
        """Takes an item out of its client's line; False: it is not there."""
        line = self._lines.get(client)
        if line is None or item not in line:
            return False
        line.remove(item)
        if not line:
            del self._lines[client]
        self._note(len(line), -1)
        return True

    def ahead(self, client: Hashable) -> int:
        """How many items come out before one that this client would put in now."""
        rounds = len(self._lines.get(client, ())) + 1
        return sum(lines * min(length, rounds) for length, lines in self._lengths.items())

    def line(self, client: Hashable) -> Sequence[T]:
        """The items of a client, in the order in which they went in."""
        return self._lines.get(client, ())

    def _note(self, length: int, change: int) -> None:
        """Notes that a line is `length` long, having grown or shrunk by one."""
        self._length += change
        for each, lines in ((length, 1), (length - change, -1)):
            if each:
                self._lengths[each] += lines
                if not self._lengths[each]:
                    del self._lengths[each]
