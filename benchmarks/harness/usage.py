"""CPU time and memory of a process, by its id, and of those that it has started.

All raise psutil.NoSuchProcess when it has ended.
"""

import threading
from contextlib import suppress
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
    return _cpu(tree(pid))


def resident_mb(pid: int) -> float:
    """Their resident memory in MB of 10^6 bytes."""
    return _resident_mb(tree(pid))


def threads(pid: int) -> int:
    """How many threads they have."""
    return sum(each.num_threads() for each in tree(pid))


def file_descriptors(pid: int) -> int:
    """How many file descriptors they have open."""
    return sum(each.num_fds() for each in tree(pid))


class Usage:
    """A meter of processes, for `with` and for `facewire_client.bench`.

    It measures from `start` to the first `stop` those that run at the start, all together.
    """

    def __init__(self, pid: int) -> None:
        self.cpu_seconds = 0.0
        self.peak_mb = 0.0
        self._pid = pid
        self._members: list[psutil.Process] = []
        self._ended = threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)

    def start(self) -> None:
        """Begin to measure."""
        self._members = tree(self._pid)
        self.cpu_seconds = -_cpu(self._members)
        self._sampler.start()

    def stop(self) -> None:
        """End measuring; without a `start`, or a second time, it does nothing."""
        if self._members and not self._ended.is_set():
            self._ended.set()
            self.cpu_seconds += _cpu(self._members)
            self._sampler.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self.stop()

    def _sample(self) -> None:
        with suppress(psutil.NoSuchProcess):  # `stop` raises it
            while True:
                self.peak_mb = max(self.peak_mb, _resident_mb(self._members))
                if self._ended.wait(SAMPLE_SECONDS):
                    return


def _cpu(processes: list[psutil.Process]) -> float:
    return sum(sum(each.cpu_times()[:2]) for each in processes)  # user and system


def _resident_mb(processes: list[psutil.Process]) -> float:
    return sum(each.memory_info().rss for each in processes) / 1e6
