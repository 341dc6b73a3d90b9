"""An observer of a response cache, for tests."""


class Counts:
    """What the observer of a cache is told."""

    def __init__(self) -> None:
        self.hits = self.misses = self.size = self.largest = 0

    def cache_hit(self) -> None:
        self.hits += 1

    def cache_missed(self) -> None:
        self.misses += 1

    def cache_holds(self, size: int) -> None:
        self.size, self.largest = size, max(size, self.largest)
