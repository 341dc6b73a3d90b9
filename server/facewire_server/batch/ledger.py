"""The ledger: which parts were begun, so that a photo that ends its worker is found.

Rule: Ray repeats the work of a process that died, as often as it dies. The ledger is an
actor beside the command, which no photo can end.
"""

from collections import Counter

FEARLESS = 1
"""How often a part is begun before its photos are noted one by one: most deaths are of a node."""

STRIKES = 2
"""How many workers a photo may have been the last of."""


class Ledger:
    """Counts for each part how often it was begun, and which photos its workers died at."""

    def __init__(self) -> None:
        self._begun = Counter[int]()
        self._current: dict[int, int] = {}
        self._strikes = Counter[int]()

    def begin(self, part: int) -> tuple[bool, frozenset[int]]:
        """Note that a worker begins a part.

        Returns whether it must note each photo before it opens it, and which photos it must
        leave alone.
        """
        self._begun[part] += 1
        last = self._current.pop(part, None)
        if last is not None:
            self._strikes[last] += 1
        fatal = frozenset(number for number, count in self._strikes.items() if count >= STRIKES)
        return self._begun[part] > FEARLESS, fatal

    def note(self, part: int, number: int) -> None:
        """Note that the worker of a part opens the photo of this number."""
        self._current[part] = number

    def end(self, part: int) -> None:
        """Note that a part is done."""
        self._current.pop(part, None)
