"""Percentiles of all values, exact: no buckets, no interpolation."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """How values spread: their mean, percentiles and largest, in milliseconds."""

    mean: float
    p50: float
    p90: float
    p95: float
    p99: float
    p99_9: float
    max: float


def spread(seconds: Sequence[float]) -> Spread | None:
    """The spread of times given in seconds; None when there are none."""
    if not seconds:
        return None
    values = sorted(seconds)
    wanted = (50, 90, 95, 99, 99.9, 100)
    mean = math.fsum(values) / len(values)
    return Spread(mean * 1e3, *(percentile(values, each) * 1e3 for each in wanted))


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest of the rising `values` that `percent` of them do not exceed.

    This is the nearest rank: always one of the values. Of fewer than 1000, the 99.9th
    is the largest. Raises IndexError when there are none.
    """
    # In thousandths: 0.999 * 1000 is a little more than 999 in floating point.
    rank = math.ceil(round(percent * 1000) * len(values) / 100_000)
    return values[max(rank, 1) - 1]
