"""Rounds: what is compared is measured in alternation, so that no drift favours one."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median
from typing import TypeVar

from facewire_client.cli.table import align

K = TypeVar("K")
T = TypeVar("T")


def alternate(
    rounds: int, measurements: Mapping[K, Callable[[], T]], *, warmup: int = 0
) -> dict[K, list[T]]:
    """Make each measurement once a round, every other one backwards; warm-up is left out."""
    results: dict[K, list[T]] = {name: [] for name in measurements}
    for number in range(warmup + rounds):
        for name in list(measurements)[:: 1 if number % 2 == 0 else -1]:
            result = measurements[name]()
            if number >= warmup:
                results[name].append(result)
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
    """Lines of columns; all but the first column are flush right."""
    return align([header, *rows], right=range(1, len(header)))
