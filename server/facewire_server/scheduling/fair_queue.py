"""Queues that serve their clients in turn.

Rule: round-robin over the clients that have something waiting, one item each; the items
of one client come out in the order in which they went in. However much one client puts
in, the first item of another waits for at most one item of each client.
"""

from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from facewire_server.scheduling.job import Group, Job

T = TypeVar("T")


class FairQueue(Generic[T]):
    """Items by client. Not thread-safe."""

    def __init__(self) -> None:
        self._lines: OrderedDict[Hashable, deque[T]] = OrderedDict()
        self._length = 0
        # How many lines there are of each length: `ahead` then takes no walk along the
        # clients, of which there may be thousands with one item each.
        self._lengths: Counter[int] = Counter()

    def __len__(self) -> int:
        return self._length

    def push(self, client: Hashable, item: T) -> None:
        """Append an item to its client's line."""
        line = self._lines.setdefault(client, deque())
        line.append(item)
        self._count(item, len(line), 1)

    def pop(self, may: Callable[[T], bool] | None = None) -> T | None:
        """Take the next item out; None when there is none.

        With `may`, clients are passed over whose next item it returns False for; they keep
        their turn.
        """
        lines = self._lines.items()
        first = next((each for each in lines if may is None or may(each[1][0])), None)
        if first is None:
            return None
        client, line = first
        item = line.popleft()
        if line:
            self._lines.move_to_end(client)
        else:
            del self._lines[client]
        self._count(item, len(line), -1)
        return item

    def remove(self, client: Hashable, item: T) -> bool:
        """Take an item out of its client's line; False when it is not there."""
        line = self._lines.get(client)
        if line is None or item not in line:
            return False
        line.remove(item)
        if not line:
            del self._lines[client]
        self._count(item, len(line), -1)
        return True

    def ahead(self, client: Hashable) -> int:
        """How many items come out before one that this client would put in now."""
        rounds = len(self._lines.get(client, ())) + 1
        return sum(lines * min(length, rounds) for length, lines in self._lengths.items())

    def line(self, client: Hashable) -> Sequence[T]:
        """The items of a client, in the order in which they went in."""
        return self._lines.get(client, ())

    def _count(self, item: T, length: int, change: int) -> None:
        """Count an item in (1) or out (-1), whose line is `length` long now."""
        self._length += change
        for each, lines in ((length, 1), (length - change, -1)):
            if each:
                self._lengths[each] += lines
                if not self._lengths[each]:
                    del self._lengths[each]


@dataclass(slots=True)
class Share:
    """The sheddable jobs that one client has waiting: how many, and their bytes."""

    count: int = 0
    size: int = 0


class JobQueue(FairQueue[Job[Any]]):
    """The jobs that wait for a worker, with the sums that admission needs.

    Sums are kept as jobs come and go, so that admitting one more takes no walk along the
    queue. They count a job by its group and size when it was put in: its work may change.
    """

    def __init__(self) -> None:
        super().__init__()
        self._shares: dict[Hashable, Share] = {}
        self.size = 0
        """Bytes of all jobs."""
        self.sheddable = 0
        """How many of them are sheddable."""
        self.sheddable_size = 0
        """Bytes of the sheddable ones."""
        self.groups: Counter[Group] = Counter()
        """How many jobs there are of each group."""

    def share(self, client: Hashable) -> Share:
        """The sheddable part of what one client has waiting."""
        return self._shares.get(client, Share())

    def other_shares(self, client: Hashable) -> Iterator[tuple[Hashable, Share]]:
        """The other clients that have something sheddable waiting, with their shares."""
        return (each for each in self._shares.items() if each[0] != client)

    def newest_sheddable(self, client: Hashable) -> Iterator[Job[Any]]:
        """The sheddable jobs of one client, the newest first."""
        return (job for job in reversed(self.line(client)) if job.sheddable)

    def _count(self, item: Job[Any], length: int, change: int) -> None:
        super()._count(item, length, change)
        job, size = item, change * item.queued_size
        self.size += size
        self.groups[job.queued_group] += change
        if not self.groups[job.queued_group]:
            del self.groups[job.queued_group]
        if not job.sheddable:
            return
        self.sheddable += change
        self.sheddable_size += size
        share = self._shares.setdefault(job.client, Share())
        share.count += change
        share.size += size
        if not share.count:
            del self._shares[job.client]
