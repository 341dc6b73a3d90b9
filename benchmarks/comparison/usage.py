"""What a group of processes used in the measured time: CPU and memory."""

from collections.abc import Sequence

from benchmarks import proc


class Usage:
    """A meter of a running server: see `facewire_client.bench.run.Meter`.

    `cpu_seconds` and `peak_mb` are those of all its processes together, from `start`
    to the first `stop`.
    """

    def __init__(self, members: Sequence[int]) -> None:
        self.cpu_seconds = 0.0
        self.peak_mb = 0.0
        self._members = members
        self._begun: float | None = None

    def start(self) -> None:
        """Begins to count."""
        for each in self._members:
            proc.forget_peak(each)
        self._begun = self._cpu()

    def stop(self) -> None:
        """Ends counting; without a `start`, or a second time, it does nothing."""
        if self._begun is not None:
            self.cpu_seconds = self._cpu() - self._begun
            self.peak_mb = memory_mb(self._members, "VmHWM")
            self._begun = None

    def _cpu(self) -> float:
        return sum(map(proc.cpu_seconds, self._members))


def memory_mb(members: Sequence[int], key: str = "VmRSS") -> float:
    """The memory of some processes, as /proc/PID/status has it under `key`, in MB."""
    return sum(proc.status(each, key) for each in members) / 1000
