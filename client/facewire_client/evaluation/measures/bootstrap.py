"""How sure a difference between two results on the same photos is."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SEED = 1


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference, and the interval in which it lies in 95 % of `rounds` random draws."""

    value: float
    low: float
    high: float
    rounds: int
    seed: int


def difference(
    before: Callable[[NDArray[np.int64]], float],
    after: Callable[[NDArray[np.int64]], float],
    photos: int,
    *,
    rounds: int = 1000,
    seed: int = SEED,
) -> Difference:
    """Return `after` less `before`, with a bootstrap interval over the photos.

    Both give a number for weights [photos], which say how often each photo counts. Each round
    draws as many photos as there are, with replacement, the same ones for both. NaN: a number
    does not exist.
    """
    once = np.ones(photos, np.int64)
    value = after(once) - before(once)
    random = np.random.default_rng(seed)
    draws = (
        np.bincount(random.integers(0, photos, photos), minlength=photos) for _ in range(rounds)
    )
    values = np.array([after(weights) - before(weights) for weights in draws])
    values = values[np.isfinite(values)]  # a draw may have no faces
    low, high = np.percentile(values, [2.5, 97.5]) if len(values) else (np.nan, np.nan)
    return Difference(value, float(low), float(high), rounds, seed)
