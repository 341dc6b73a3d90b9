"""Exact percentiles of known values."""

import random
from array import array

import pytest

from facewire_client.bench.percentiles import Spread, percentile, spread

THOUSAND = [float(value) for value in range(1, 1001)]


@pytest.mark.parametrize(
    ("percent", "value"),
    [(50, 500), (90, 900), (95, 950), (99, 990), (99.9, 999), (100, 1000)],
)
def test_the_percentiles_of_a_thousand_values(percent: float, value: float) -> None:
    assert percentile(THOUSAND, percent) == value


@pytest.mark.parametrize("count", [1, 2, 3, 7, 10, 99, 100, 101, 999, 1001])
@pytest.mark.parametrize("percent", [50, 90, 95, 99, 99.9, 100])
def test_a_percentile_is_the_smallest_value_that_covers_so_many(count: int, percent: float) -> None:
    generator = random.Random(count)
    values = sorted(generator.choice([1.0, 2.0, 5.0, 7.5]) for _ in range(count))

    def covered(value: float) -> bool:
        below = sum(each <= value for each in values)
        return below * 1000 >= round(percent * 10) * count

    assert percentile(values, percent) == min(filter(covered, values))


def test_a_spread_is_in_milliseconds_whatever_the_order() -> None:
    seconds = [value / 1e3 for value in THOUSAND]
    random.Random(1).shuffle(seconds)
    found = spread(array("d", seconds))
    assert found is not None
    assert found.mean == pytest.approx(500.5)
    assert found.p50 == pytest.approx(500)
    assert found.p99_9 == pytest.approx(999)
    assert found.max == pytest.approx(1000)


def test_one_value_is_every_percentile() -> None:
    assert spread(array("d", [0.002])) == Spread(*[2.0] * 7)


def test_no_values_have_no_spread() -> None:
    assert spread(array("d")) is None
