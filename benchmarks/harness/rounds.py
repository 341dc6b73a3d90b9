"""Rounds: what is compared is measured in alternation, so that no drift favours one."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from statistics import median
from typing import TypeVar

from facewire_ext import simd_levels, use_simd_level

K = TypeVar("K")
T = TypeVar("T")
SHORTEST_US = 1_000
"""A measurement of `timed` is at least so long, after a call that is not timed."""


def alternate(rounds: int, measurements: Mapping[K, Callable[[], T]]) -> dict[K, list[T]]:
    """Make each measurement once a round, every other one backwards."""
    results: dict[K, list[T]] = {name: [] for name in measurements}
    for number in range(rounds):
        for name in list(measurements)[:: 1 if number % 2 == 0 else -1]:
            results[name].append(measurements[name]())
    return results


def medians(results: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """The median of each."""
    return {name: median(values) for name, values in results.items()}


def column_medians(rows: Iterable[Sequence[float]]) -> tuple[float, ...]:
    """The median of each column of rows that are equally long."""
    return tuple(map(median, zip(*rows, strict=True)))


def latency_line(seconds: Sequence[float]) -> str:
    """Median, 99th percentile and maximum of some times, in milliseconds."""
    rising = sorted(seconds)
    p50, p99 = (rising[len(rising) * percent // 100] * 1e3 for percent in (50, 99))
    return f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, worst {rising[-1] * 1e3:.1f} ms"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown, as it is in docs/."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def timed(runs: Mapping[str, Callable[[], object]], seconds: float) -> dict[str, float]:
    """Microseconds of CPU of a call of each on this thread: the medians of rounds.

    What is named for a SIMD level of the extension runs at that level, the rest at the best.
    """

    def measure(name: str, repeats: int) -> float:
        use_simd_level(name if name in simd_levels() else simd_levels()[-1])
        runs[name]()
        start = time.thread_time()
        for _ in range(repeats):
            runs[name]()
        return (time.thread_time() - start) / repeats * 1e6

    once = {name: measure(name, 3) for name in runs}
    repeats = {name: max(1, round(SHORTEST_US / took)) for name, took in once.items()}
    one_round = sum(once[name] * (repeats[name] + 1) for name in runs)
    rounds = max(9, round(seconds * 1e6 / one_round))
    return medians(
        alternate(rounds, {name: partial(measure, name, repeats[name]) for name in runs})
    )
