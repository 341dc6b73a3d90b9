"""When a run begins, from when on it counts, and when it ends.

All times are seconds of `time.monotonic`, which is the clock of asyncio, too.
"""

from time import monotonic


class Window:
    """The time that is measured; the warm-up lies before it.

    Requests are planned from `begins` until `closes`. Those planned from `opens` on
    are the sample; those that end from `opens` until `closes` make up the rates.
    """

    def __init__(self, warmup: float, duration: float) -> None:
        self.begins = monotonic()
        self.opens = self.begins + warmup
        self.closes = self.opens + duration
        self.interrupted = False

    @property
    def seconds(self) -> float:
        """How long is measured; 0 when the run was interrupted in its warm-up."""
        return max(0.0, self.closes - self.opens)

    def samples(self, planned: float) -> bool:
        """Whether a request planned for this time belongs to the sample."""
        return planned >= self.opens

    def is_open(self, now: float) -> bool:
        """Whether what happens at this time counts towards the rates."""
        return self.opens <= now < self.closes

    def interrupt(self) -> None:
        """Ends the run now."""
        self.interrupted = True
        self.closes = min(self.closes, monotonic())
