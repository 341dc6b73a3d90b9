"""Lines of the log that wait to be written: a bounded number of them.

Rule: whoever puts a line in never waits. A line that finds no room is left out and
counted, and the others tell how many were.
"""

import time
from collections import deque
from collections.abc import Callable
from threading import Condition
from typing import NamedTuple

CAPACITY = 1000
"""How many lines wait at most: those of a burst, and half a megabyte or so."""

RATE = 500.0
"""Lines a second that are taken in the long run; CAPACITY more at once."""

TELL_SECONDS = 1.0
"""How long lines are counted that were left out, until that is told."""


class Entry(NamedTuple):
    """A line, made when there is room for it."""

    line: Callable[[], str]
    urgent: bool


class LogQueue:
    """First in, first out, but for urgent lines, which take the places of others."""

    def __init__(self, capacity: int = CAPACITY, rate: float = RATE) -> None:
        """`rate`: lines a second that are not urgent."""
        self.dropped = 0
        """How many lines were left out."""
        self._capacity = capacity
        self._rate = rate
        self._credit = float(capacity)
        self._credited = time.monotonic()
        self._changed = Condition()
        self._numbers = 0
        # Each with its number: the order of both together.
        self._urgent: deque[tuple[int, str]] = deque()
        self._others: deque[tuple[int, str]] = deque()
        self._being_written = False
        self._flushing = False
        self._untold = 0
        self._tell_at = 0.0
        self._on_dropped: Callable[[int], None] | None = None

    def on_dropped(self, observer: Callable[[int], None]) -> None:
        """Has somebody told how many lines are left out: now, and from now on."""
        with self._changed:
            self._on_dropped = observer
            if self.dropped:
                observer(self.dropped)

    def put_nowait(self, entry: Entry) -> None:
        """Puts a line in, or leaves it out."""
        urgent = entry.urgent
        with self._changed:
            if not self._has_room(urgent):
                self._drop()
                return
        # Made without the lock: a trace takes its time.
        text = entry.line()
        with self._changed:
            while len(self._urgent) + len(self._others) >= self._capacity:
                self._drop()
                if not urgent or not self._others:
                    return
                self._others.popleft()
            self._numbers += 1
            (self._urgent if urgent else self._others).append((self._numbers, text))
            self._changed.notify_all()

    def get(self) -> str | int:
        """The next line, waited for; or how many were left out before it.

        Whoever gets one has written it when it comes for the next.
        """
        with self._changed:
            self._being_written = False
            while True:
                wait = self._tell_at - time.monotonic() if self._untold else None
                if wait is not None and (wait <= 0 or self._flushing):
                    count, self._untold = self._untold, 0
                    self._being_written = True
                    return count
                if self._urgent or self._others:
                    self._being_written = True
                    return self._next()
                self._changed.notify_all()
                self._changed.wait(wait)

    def flush(self, seconds: float) -> bool:
        """Waits until all is written, for so long at most; returns whether it is."""
        with self._changed:
            self._flushing = True
            self._changed.notify_all()
            try:
                return self._changed.wait_for(self._is_empty, seconds)
            finally:
                self._flushing = False

    def _has_room(self, urgent: bool) -> bool:
        if urgent:
            return len(self._urgent) < self._capacity
        now = time.monotonic()
        earned = self._rate * (now - self._credited)
        self._credit = min(float(self._capacity), self._credit + earned)
        self._credited = now
        if self._credit < 1 or len(self._urgent) + len(self._others) >= self._capacity:
            return False
        self._credit -= 1
        return True

    def _drop(self) -> None:
        self.dropped += 1
        if not self._untold:
            self._tell_at = time.monotonic() + TELL_SECONDS
            # Whoever waits for a line has to wake up to tell.
            self._changed.notify_all()
        self._untold += 1
        if self._on_dropped is not None:
            self._on_dropped(1)

    def _next(self) -> str:
        queues = [queue for queue in (self._urgent, self._others) if queue]
        return min(queues, key=lambda queue: queue[0][0]).popleft()[1]

    def _is_empty(self) -> bool:
        waiting = self._urgent or self._others or self._untold or self._being_written
        return not waiting
