"""What waits for a worker, with the sums that admission asks for.

Rule: to admit one more takes no walk along the queue. Not to be used by two threads at
a time.
"""

from collections import Counter
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any

from facewire_server.scheduling.fair_queue import FairQueue
from facewire_server.scheduling.job import Job


@dataclass(slots=True)
class Share:
    """What one client has waiting that may be refused to make room."""

    count: int = 0
    size: int = 0


class JobQueue:
    """Turns in the order of a FairQueue."""

    def __init__(self) -> None:
        self._queue: FairQueue[Job[Any]] = FairQueue()
        self._shares: dict[Hashable, Share] = {}
        self.sheddable = 0
        """How many of them may be refused to make room."""
        self.size = 0
        """Bytes of all of them."""
        self.sheddable_size = 0
        """Bytes of those that may be refused."""
        self.like: Counter[tuple[str, int]] = Counter()
        """How many there are of each kind and magnitude."""

    def __len__(self) -> int:
        return len(self._queue)

    def push(self, turn: Job[Any]) -> None:
        """Puts a turn in."""
        self._queue.push(turn.client, turn)
        self._count(turn, 1)

    def pop(self) -> Job[Any] | None:
        """Takes the next turn out; None: there is none."""
        turn = self._queue.pop()
        if turn is not None:
            self._count(turn, -1)
        return turn

    def remove(self, turn: Job[Any]) -> bool:
        """Takes a turn out; False: it is not there."""
        if not self._queue.remove(turn.client, turn):
            return False
        self._count(turn, -1)
        return True

    def ahead(self, client: Hashable) -> int:
        """How many come out before one that this client would put in now."""
        return self._queue.ahead(client)

    def share(self, client: Hashable) -> Share:
        """What one client has waiting that may be refused."""
        return self._shares.get(client, Share())

    def others(self, client: Hashable) -> Iterator[tuple[Hashable, Share]]:
        """The other clients that have something waiting that may be refused."""
        return (each for each in self._shares.items() if each[0] != client)

    def newest(self, client: Hashable) -> Iterator[Job[Any]]:
        """What one client has waiting that may be refused, the newest first."""
        line = self._queue.line(client)
        return (turn for turn in reversed(line) if not turn.patient)

    def _count(self, turn: Job[Any], change: int) -> None:
        self.size += change * turn.queued_size
        self.like[turn.queued_like] += change
        if not self.like[turn.queued_like]:
            del self.like[turn.queued_like]
        if not turn.patient:
            self.sheddable += change
            self.sheddable_size += change * turn.queued_size
            share = self._shares.setdefault(turn.client, Share())
            share.count += change
            share.size += change * turn.queued_size
            if not share.count:
                del self._shares[turn.client]
