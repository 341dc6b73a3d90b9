"""The ledger: which parts were begun, so that a photo that ends its worker is found.

Rule: Ray repeats the work of a process that died, as often as it dies. What is noted of a part is
kept by the head of the cluster, which no photo can end, until the part is done.
"""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol, Self

FEARLESS = 1
"""How often a part is begun before its photos are noted one by one: most deaths are of a node."""

STRIKES = 2
"""How many workers a photo may have been the last of."""


class Notes(Protocol):
    """Keeps texts by the numbers of parts, for all workers."""

    def read(self, part: int) -> str | None:
        """Return what was written; None: nothing."""

    def write(self, part: int, text: str) -> None:
        """Keep a text instead of what was written."""

    def remove(self, part: int) -> None:
        """Forget what was written, if anything was."""


@dataclass(slots=True)
class Entry:
    """How often a part was begun, the photo that is open, and those which workers died at."""

    begun: int = 0
    current: int | None = None
    strikes: Counter[int] = field(default_factory=Counter)

    @classmethod
    def of(cls, text: str) -> Self:
        """The entry of what `str` returns."""
        begun, current, died_at = json.loads(text)
        return cls(begun, current, Counter(died_at))

    def __str__(self) -> str:
        return json.dumps([self.begun, self.current, list(self.strikes.elements())])


class Ledger:
    """The ledger of one worker, which works on one part at a time."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._entry = Entry()

    def begin(self, part: int) -> tuple[bool, frozenset[int]]:
        """Note that this worker begins a part.

        Returns whether it must note each photo before it opens it, and which photos it must
        leave alone.
        """
        text = self._notes.read(part)
        entry = Entry() if text is None else Entry.of(text)
        entry.begun += 1
        if entry.current is not None:
            entry.strikes[entry.current] += 1
            entry.current = None
        self._notes.write(part, str(entry))
        self._entry = entry
        fatal = frozenset(number for number, count in entry.strikes.items() if count >= STRIKES)
        return entry.begun > FEARLESS, fatal

    def note(self, part: int, number: int) -> None:
        """Note that this worker opens the photo of this number."""
        self._entry.current = number
        self._notes.write(part, str(self._entry))

    def end(self, part: int) -> None:
        """Note that a part is done: if a dead node had its rows, it begins as at first."""
        self._notes.remove(part)
