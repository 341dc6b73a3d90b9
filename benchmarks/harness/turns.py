"""Turns: what is compared runs for some seconds in turn, while the rest of it is stopped.

Rule: for what takes long to start, so that rounds would be minutes apart; what else disturbs the
machine then disturbs all alike.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple, Protocol

import numpy as np
import psutil

from benchmarks.harness import usage

ByKind = dict[str, float]
"""Of each kind of process."""


class Mark(NamedTuple):
    """A point of a run: photos that are done, seconds that it ran, and seconds of CPU."""

    photos: int
    seconds: float
    cpu: ByKind


class Result(NamedTuple):
    """Photos a second, and ms of CPU a photo."""

    rate: float
    cpu_ms: ByKind

    @property
    def cpu_all(self) -> float:
        """The ms of all processes."""
        return sum(self.cpu_ms.values())

    @classmethod
    def through(cls, marks: Sequence[Mark]) -> "Result":
        """The result of a run by lines through its points: rows come many at a time."""
        photos = [mark.photos for mark in marks]

        def rises(values: Iterable[float]) -> float:
            return float(np.polyfit(photos, list(values), 1)[0])

        each = {kind: 1e3 * rises(mark.cpu[kind] for mark in marks) for kind in marks[0].cpu}
        return cls(1 / rises(mark.seconds for mark in marks), each)


class Side(Protocol):
    """One of those that take turns: what it has done, and the process that started the rest."""

    @property
    def done(self) -> int:
        """How many photos are done."""

    @property
    def pids(self) -> Sequence[int]:
        """The processes that do the work, apart from those that they started."""


def take_turns(
    sides: Mapping[str, Side], count: int, seconds: float, cpu: Callable[[int], ByKind]
) -> dict[str, Result]:
    """Let each side run so many times for so long, while the others are stopped.

    `cpu` returns the seconds of CPU of a process and of all that it has started. All sides run
    again after it, also after an error.
    """
    marks: dict[str, list[Mark]] = {name: [] for name in sides}
    ran = dict.fromkeys(sides, 0.0)
    try:
        for side in sides.values():
            _tell(side, psutil.Process.suspend)
        for name, side in count * list(sides.items()):
            began = time.perf_counter()
            _tell(side, psutil.Process.resume)
            time.sleep(seconds)
            _tell(side, psutil.Process.suspend)
            ran[name] += time.perf_counter() - began
            marks[name].append(Mark(side.done, ran[name], _cpu_of(side, cpu)))
    finally:
        for side in sides.values():
            _tell(side, psutil.Process.resume)
    return {name: Result.through(found) for name, found in marks.items()}


def _tell(side: Side, order: Callable[[psutil.Process], None]) -> None:
    for pid in side.pids:
        for process in usage.tree(pid):
            with suppress(psutil.NoSuchProcess):
                order(process)


def _cpu_of(side: Side, cpu: Callable[[int], ByKind]) -> ByKind:
    found = [cpu(pid) for pid in side.pids]
    return {kind: sum(each[kind] for each in found) for kind in found[0]}
