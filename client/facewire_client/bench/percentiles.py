"""Exact percentiles of all values, without buckets or interpolation."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """The mean, the percentiles and the maximum of values, in milliseconds."""

    mean: float
    p50: float
    p90: float
    p95: float
    p99: float
    p99_9: float
    max: float


def spread(seconds: Sequence[float]) -> Spread | None:
    """Return the spread of times given in seconds; None when there are no values."""
    if not seconds:
        return None
    values = sorted(seconds)
    percents = (50, 90, 95, 99, 99.9, 100)
    mean = math.fsum(values) / len(values)
    return Spread(mean * 1e3, *(percentile(values, each) * 1e3 for each in percents))


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the percentile of ascending `values` by nearest rank.

    That is the smallest of the values that at least `percent` % of them do not exceed. Of fewer
    than 1000 values, the 99.9th percentile is the largest. Raises IndexError without values.
    """
    # Computed in integers: 0.999 * 1000 is a little more than 999 in floating point.
    rank = math.ceil(round(percent * 1000) * len(values) / 100_000)
    return values[max(rank, 1) - 1]
