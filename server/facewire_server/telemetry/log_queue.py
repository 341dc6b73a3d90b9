"""A bounded queue of log lines that wait to be written.

Rule: putting a line in never waits. A line that finds no room is dropped and counted, and
`get` returns to the reader how many were.
"""

import time
from collections import deque
from collections.abc import Callable
from threading import Condition
from typing import NamedTuple

CAPACITY = 1000
"""How many lines wait at most: enough for a burst, and about half a megabyte."""

RATE = 500.0
"""Lines a second that are accepted in the long run; CAPACITY more in a burst."""

REPORT_SECONDS = 1.0
"""Seconds from the first dropped line until `get` returns how many were dropped."""


class PendingLine(NamedTuple):
    """A line that is formatted when there is room for it."""

    make: Callable[[], str]
    urgent: bool


class LogQueue:
    """A first-in first-out queue, in which urgent lines displace the oldest other ones."""

    def __init__(self, capacity: int = CAPACITY, rate: float = RATE) -> None:
        """`rate`: how many lines a second are accepted that are not urgent."""
        self.dropped = 0
        """How many lines were dropped."""
        self._capacity = capacity
        self._rate = rate
        # A token bucket of `capacity` lines, filled at `rate`.
        self._credit = float(capacity)
        self._credited_at = time.monotonic()
        self._changed = Condition()
        self._last_number = 0
        # Lines with their numbers, by which `_next` merges both in order.
        self._urgent: deque[tuple[int, str]] = deque()
        self._others: deque[tuple[int, str]] = deque()
        self._being_written = False
        self._flushing = False
        self._unreported = 0
        self._report_at = 0.0
        self._on_dropped: Callable[[int], None] | None = None

    def on_dropped(self, observer: Callable[[int], None]) -> None:
        """Call `observer` with the number of lines dropped so far, and with 1 for each more."""
        with self._changed:
            self._on_dropped = observer
            if self.dropped:
                observer(self.dropped)

    def put_nowait(self, line: PendingLine) -> None:
        """Put a line in, or drop it."""
        urgent = line.urgent
        with self._changed:
            if not self._has_room(urgent):
                self._drop()
                return
        # Formatted without the lock, since a traceback takes its time. Other threads may
        # have filled the queue meanwhile, so the room is looked at again.
        text = line.make()
        with self._changed:
            while len(self._urgent) + len(self._others) >= self._capacity:
                self._drop()
                if not urgent or not self._others:
                    return
                self._others.popleft()
            self._last_number += 1
            (self._urgent if urgent else self._others).append((self._last_number, text))
            self._changed.notify_all()

    def get(self) -> str | int:
        """Wait for the next line and return it, or the number of lines dropped.

        A call also confirms that what the call before returned is written.
        """
        with self._changed:
            self._being_written = False
            while True:
                wait = self._report_at - time.monotonic() if self._unreported else None
                if wait is not None and (wait <= 0 or self._flushing):
                    count, self._unreported = self._unreported, 0
                    self._being_written = True
                    return count
                if self._urgent or self._others:
                    self._being_written = True
                    return self._next()
                self._changed.notify_all()
                self._changed.wait(wait)

    def flush(self, seconds: float) -> bool:
        """Wait until everything is written, for at most `seconds`; returns whether it is."""
        with self._changed:
            self._flushing = True
            self._changed.notify_all()
            try:
                return self._changed.wait_for(self._is_empty, seconds)
            finally:
                self._flushing = False

    def _has_room(self, urgent: bool) -> bool:
        """Whether a line may come in; counts it against the rate unless it is urgent."""
        if urgent:
            return len(self._urgent) < self._capacity
        now = time.monotonic()
        earned = self._rate * (now - self._credited_at)
        self._credit = min(float(self._capacity), self._credit + earned)
        self._credited_at = now
        if self._credit < 1 or len(self._urgent) + len(self._others) >= self._capacity:
            return False
        self._credit -= 1
        return True

    def _drop(self) -> None:
        """Count a line as dropped."""
        self.dropped += 1
        if not self._unreported:
            self._report_at = time.monotonic() + REPORT_SECONDS
            # A `get` that waits for a line has to wake up in time for the report.
            self._changed.notify_all()
        self._unreported += 1
        if self._on_dropped is not None:
            self._on_dropped(1)

    def _next(self) -> str:
        """Remove and return the line that came first; there is one."""
        queues = [queue for queue in (self._urgent, self._others) if queue]
        return min(queues, key=lambda queue: queue[0][0]).popleft()[1]

    def _is_empty(self) -> bool:
        waiting = self._urgent or self._others or self._unreported or self._being_written
        return not waiting
