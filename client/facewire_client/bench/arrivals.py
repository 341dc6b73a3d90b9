"""When independent users come: a Poisson process."""

import random
from collections.abc import Iterator


def poisson(rate: float, seed: int) -> Iterator[float]:
    """Seconds from the start, rising without end, `rate` of them a second on average.

    The times between are exponentially distributed. The same seed gives the same
    arrivals.
    """
    generator = random.Random(seed)
    now = 0.0
    while True:
        now += generator.expovariate(rate)
        yield now
