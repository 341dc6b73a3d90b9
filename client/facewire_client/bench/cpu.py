"""What is read when the measured time begins and ends: this process's CPU."""

from time import process_time
from typing import Protocol


class Meter(Protocol):
    """Measures something else than requests from `start` to the first `stop`."""

    def start(self) -> None:
        """The measured time begins; not called when it never does."""

    def stop(self) -> None:
        """It ends; may be called without `start`, and more than once."""


class CpuMeter:
    """A meter of the CPU seconds that this process spends, on all its threads."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._begun: float | None = None

    def start(self) -> None:
        """Begins to count."""
        self._begun = process_time()

    def stop(self) -> None:
        """Ends counting; without a `start`, or a second time, it does nothing."""
        if self._begun is not None:
            self.seconds = process_time() - self._begun
            self._begun = None
