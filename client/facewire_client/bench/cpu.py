"""What this process spends of the CPU, on all its threads."""

from time import process_time


class CpuMeter:
    """Counts the CPU seconds from `start` to the first `stop`."""

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
