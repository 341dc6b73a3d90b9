"""When independent users come."""

from itertools import islice, pairwise
from statistics import fmean, pvariance

import pytest

from facewire_client.bench.arrivals import poisson

RATE = 50.0


def first(count: int, seed: int = 7) -> list[float]:
    """The first arrivals."""
    return list(islice(poisson(RATE, seed), count))


def test_they_rise_from_the_start() -> None:
    arrivals = first(1000)
    assert arrivals[0] > 0
    assert all(before < after for before, after in pairwise(arrivals))


def test_the_times_between_them_are_exponential() -> None:
    gaps = [after - before for before, after in pairwise([0.0, *first(20_000)])]
    assert fmean(gaps) == pytest.approx(1 / RATE, rel=0.03)
    # An exponential distribution is as wide as its mean, and forgets: a gap that is
    # longer than the mean is as likely as exp(-1), twice as long exp(-2).
    assert pvariance(gaps) == pytest.approx(1 / RATE**2, rel=0.06)
    for multiple, share in ((1, 0.3679), (2, 0.1353)):
        longer = sum(gap > multiple / RATE for gap in gaps) / len(gaps)
        assert longer == pytest.approx(share, abs=0.012)


def test_their_number_in_a_second_varies_as_much_as_it_is() -> None:
    seconds = [0] * 400
    for arrival in first(round(410 * RATE)):
        if arrival < len(seconds):
            seconds[int(arrival)] += 1
    assert fmean(seconds) == pytest.approx(RATE, rel=0.03)
    assert pvariance(seconds) == pytest.approx(RATE, rel=0.25)


def test_a_seed_gives_the_same_ones_again() -> None:
    assert first(100) == first(100)
    assert first(100) != first(100, seed=8)
