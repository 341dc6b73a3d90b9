"""Rounds: what is compared is measured in alternation, and medians over rounds are told.

What changes steadily meanwhile, such as the clock of the processor, so favours none.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import TypeVar

from facewire_client.cli.table import align

K = TypeVar("K")
T = TypeVar("T")


def alternate(
    rounds: int, measurements: Mapping[K, Callable[[], T]], *, warmup: int = 0
) -> dict[K, list[T]]:
    """Make each measurement once a round, every other round in reversed order.

    The results of the first `warmup` rounds, which are made in addition, are left out.
    """
    results: dict[K, list[T]] = {name: [] for name in measurements}
    for number in range(warmup + rounds):
        order = list(measurements)[:: 1 if number % 2 == 0 else -1]
        for name in order:
            result = measurements[name]()
            if number >= warmup:
                results[name].append(result)
    return results


def medians(results: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """The median of each."""
    return {name: median(values) for name, values in results.items()}


def column_medians(rows: Iterable[Sequence[float]]) -> tuple[float, ...]:
    """The median of each column of rows that are equally long."""
    return tuple(median(column) for column in zip(*rows, strict=True))


def in_threads(count: int, work: Callable[[], T]) -> list[T]:
    """The results of so many threads that do the same at once."""
    with ThreadPoolExecutor(count) as pool:
        return [each.result() for each in [pool.submit(work) for _ in range(count)]]


def latency_line(seconds: Sequence[float]) -> str:
    """Median, 99th percentile and maximum of some times, in milliseconds."""
    rising = sorted(seconds)
    p50, p99 = (rising[len(rising) * percent // 100] * 1e3 for percent in (50, 99))
    return f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, worst {rising[-1] * 1e3:.1f} ms"


def number(value: float | None, digits: int) -> str:
    """A cell of a table; None is a dash."""
    return "-" if value is None else f"{value:.{digits}f}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Lines of columns; all but the first column are flush right."""
    return align([header, *rows], right=range(1, len(header)))
