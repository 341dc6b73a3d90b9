"""How often something happens: a rate that does not depend on where the time is cut."""

from collections.abc import Sequence
from math import fsum


def pace(times: Sequence[float]) -> float:
    """Events a second, from the rising times (in seconds) at which they happened.

    The slope of the line that fits number over time best. With a few dozen events,
    counting those in a window is off by one at either end, and this is not. Raises
    ValueError when there are fewer than three.
    """
    count = len(times)
    if count < 3:
        raise ValueError(f"{count} events are too few for a rate")
    middle = fsum(times) / count
    offsets = [time - middle for time in times]
    spread = fsum(offset * offset for offset in offsets)
    rank = (count - 1) / 2
    return fsum((i - rank) * offset for i, offset in enumerate(offsets)) / spread
