"""Timing things that take turns in one process."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds of one call: by the clock, and of all threads' CPU."""

    latency: float
    cpu: float

    @classmethod
    def on(cls, *steps: Callable[[], object]) -> Self:
        """What the steps take, one after the other."""
        clock, cpu = time.perf_counter(), time.process_time()
        for step in steps:
            step()
        return cls(time.perf_counter() - clock, time.process_time() - cpu)


def take_turns(rounds: int, contestants: Sequence[Callable[[], Spent]]) -> list[list[Spent]]:
    """Runs all in each round, in reversed order in every other one."""
    spent: list[list[Spent]] = [[] for _ in contestants]
    for number in range(rounds):
        order = range(len(contestants))
        for index in order if number % 2 == 0 else reversed(order):
            spent[index].append(contestants[index]())
    return spent


def print_turns(names: Sequence[str], spent: Sequence[Sequence[Spent]]) -> None:
    """Medians in milliseconds, and of the second minus the first in each round."""
    differences = [
        Spent(second.latency - first.latency, second.cpu - first.cpu)
        for first, second in zip(*spent, strict=True)
    ]
    for name, values in zip((*names, "difference"), (*spent, differences), strict=True):
        latency = statistics.median(value.latency for value in values)
        cpu = statistics.median(value.cpu for value in values)
        print(f"  {name:34} {latency * 1e3:9.2f} ms, CPU {cpu * 1e3:9.2f} ms")
