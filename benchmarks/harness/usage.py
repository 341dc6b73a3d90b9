"""CPU time and memory of a process and of those that it has started.

Every function takes the id of the process at the top, and raises psutil.NoSuchProcess
when that has ended.
"""

import threading
from typing import Self

import psutil

SAMPLE_SECONDS = 0.01
"""Between two looks at memory for its peak: the system does not record that for psutil."""


def tree(pid: int) -> list[psutil.Process]:
    """The process and its descendants."""
    top = psutil.Process(pid)
    return [top, *top.children(recursive=True)]


def cpu_seconds(pid: int) -> float:
    """CPU time used so far by all of them that still run, user and system."""
    return sum(map(_own_seconds, tree(pid)))


def resident_bytes(pid: int) -> int:
    """Their resident memory."""
    return sum(each.memory_info().rss for each in tree(pid))


def resident_mb(pid: int) -> float:
    """Their resident memory in MB of 10^6 bytes."""
    return resident_bytes(pid) / 1e6


def threads(pid: int) -> int:
    """How many threads they have."""
    return sum(each.num_threads() for each in tree(pid))


def file_descriptors(pid: int) -> int:
    """How many file descriptors they have open."""
    return sum(each.num_fds() for each in tree(pid))


class Usage:
    """A meter of processes: see `facewire_client.bench` for what a load does with meters.

    `cpu_seconds` and `peak_mb` are those of all processes together, from `start` to the
    first `stop`; processes that are started in between do not count. `with` starts and
    stops it.
    """

    def __init__(self, pid: int) -> None:
        self.cpu_seconds = 0.0
        self.peak_mb = 0.0
        self._pid = pid
        self._members: list[psutil.Process] = []
        self._begun: float | None = None
        self._ended = threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)

    def start(self) -> None:
        """Begin to measure."""
        self._members = tree(self._pid)
        self._begun = self._cpu()
        self._sampler.start()

    def stop(self) -> None:
        """End measuring; without a `start`, or a second time, it does nothing."""
        if self._begun is None:
            return
        self.cpu_seconds = self._cpu() - self._begun
        self._begun = None
        self._ended.set()
        self._sampler.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self.stop()

    def _cpu(self) -> float:
        return sum(map(_own_seconds, self._members))

    def _sample(self) -> None:
        while True:
            try:
                used = sum(each.memory_info().rss for each in self._members) / 1e6
            except psutil.NoSuchProcess:
                return  # `stop` raises it
            self.peak_mb = max(self.peak_mb, used)
            if self._ended.wait(SAMPLE_SECONDS):
                return


def _own_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system
