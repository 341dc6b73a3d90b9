"""The two kinds of load, without a network."""

import asyncio
from collections.abc import Coroutine
from itertools import islice, pairwise, takewhile
from statistics import fmean, pvariance
from time import monotonic
from typing import Any

import pytest

from facewire_client.bench.load import ClosedLoop, MeasurementPeriod, OpenLoop, poisson

RATE = 50.0


class FakeSender:
    """Sends nothing; a request takes `seconds`, and the one after `stall_after` `stall` more."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.planned: list[float] = []
        self.given_up: list[float] = []
        self.latencies: list[float] = []
        self.in_flight = 0
        self.most_in_flight = 0
        self.stall_after: int | None = None
        self.stall = 0.0

    def send(self, planned: float) -> Coroutine[Any, Any, None]:
        self.planned.append(planned)
        return self._send(planned)

    def give_up(self, planned: float) -> None:
        self.given_up.append(planned)

    async def _send(self, planned: float) -> None:
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        stalls = len(self.planned) - 1 == self.stall_after
        try:
            await asyncio.sleep(self.seconds + (self.stall if stalls else 0.0))
            self.latencies.append(monotonic() - planned)
        finally:
            self.in_flight -= 1


def test_a_closed_loop_keeps_so_many_requests_in_flight() -> None:
    sender, period = FakeSender(0.002), MeasurementPeriod(0.0, 0.1)
    asyncio.run(ClosedLoop(5).drive(sender, period))
    assert sender.most_in_flight == 5
    assert len(sender.planned) >= 10
    assert sender.in_flight == 0
    assert not sender.given_up


def test_a_closed_loop_sends_nothing_after_the_end() -> None:
    sender, period = FakeSender(0.002), MeasurementPeriod(0.02, 0.05)
    asyncio.run(ClosedLoop(3).drive(sender, period))
    assert period.warmup_start <= min(sender.planned)
    assert max(sender.planned) < period.end


def offsets(sender: FakeSender, period: MeasurementPeriod) -> list[float]:
    """Return the planned times of all requests, in seconds from the start of the warm-up."""
    planned = sorted(sender.planned + sender.given_up)
    return [each - period.warmup_start for each in planned]


def expected(load: OpenLoop, seconds: float) -> list[float]:
    """Return the times that a load plans within `seconds`."""
    arrivals = poisson(load.rate, load.seed)
    return list(takewhile(lambda arrival: arrival < seconds, arrivals))


def test_an_open_loop_sends_every_arrival_at_its_time_however_slow_the_answers() -> None:
    load = OpenLoop(rate=300, seed=1, outstanding=1000)
    sender, period = FakeSender(0.3), MeasurementPeriod(0.1, 0.2)
    asyncio.run(load.drive(sender, period))
    assert offsets(sender, period) == pytest.approx(expected(load, 0.3))
    assert not sender.given_up
    assert sender.most_in_flight > 10
    assert sender.in_flight == 0


def test_requests_without_a_slot_are_given_up_at_the_end_and_none_is_skipped() -> None:
    load = OpenLoop(rate=300, seed=1, outstanding=4)
    sender, period = FakeSender(0.1), MeasurementPeriod(0.0, 0.3)
    asyncio.run(load.drive(sender, period))
    assert sender.most_in_flight == 4
    assert len(sender.given_up) > len(sender.planned)
    assert offsets(sender, period) == pytest.approx(expected(load, 0.3))


def test_a_stall_shows_in_the_latency_of_all_requests_due_in_it() -> None:
    load = OpenLoop(rate=200, seed=1, outstanding=1)
    sender, period = FakeSender(), MeasurementPeriod(0.0, 0.8)
    sender.stall_after, sender.stall = 30, 0.3
    asyncio.run(load.drive(sender, period))
    # Only one request was in flight during the stall. Latency that counts from the time of
    # sending would show the stall for that one only.
    slow = [latency for latency in sender.latencies if latency > 0.1]
    assert len(slow) > 20


def test_a_cancelled_open_loop_gives_up_the_requests_that_were_due() -> None:
    load = OpenLoop(rate=300, seed=1, outstanding=2)
    sender, period = FakeSender(60.0), MeasurementPeriod(0.0, 60.0)

    async def interrupted() -> None:
        driving = asyncio.create_task(load.drive(sender, period))
        await asyncio.sleep(0.2)
        period.interrupt()
        driving.cancel()
        await asyncio.gather(driving, return_exceptions=True)

    asyncio.run(interrupted())
    assert len(sender.planned) == 2
    assert offsets(sender, period) == pytest.approx(expected(load, period.seconds))
    assert sender.in_flight == 0


def first(count: int, seed: int = 7) -> list[float]:
    """Return the first arrivals."""
    return list(islice(poisson(RATE, seed), count))


def test_arrivals_ascend_from_the_start() -> None:
    arrivals = first(1000)
    assert arrivals[0] > 0
    assert all(before < after for before, after in pairwise(arrivals))


def test_the_times_between_arrivals_are_exponential() -> None:
    gaps = [after - before for before, after in pairwise([0.0, *first(20_000)])]
    assert fmean(gaps) == pytest.approx(1 / RATE, rel=0.03)
    # The variance of an exponential distribution is its mean squared; a gap longer than the
    # mean has the probability exp(-1), and one twice as long exp(-2).
    assert pvariance(gaps) == pytest.approx(1 / RATE**2, rel=0.06)
    for multiple, share in ((1, 0.3679), (2, 0.1353)):
        longer = sum(gap > multiple / RATE for gap in gaps) / len(gaps)
        assert longer == pytest.approx(share, abs=0.012)


def test_the_number_of_arrivals_in_a_second_has_a_variance_like_its_mean() -> None:
    seconds = [0] * 400
    for arrival in first(round(410 * RATE)):
        if arrival < len(seconds):
            seconds[int(arrival)] += 1
    assert fmean(seconds) == pytest.approx(RATE, rel=0.03)
    assert pvariance(seconds) == pytest.approx(RATE, rel=0.25)


def test_a_seed_gives_the_same_arrivals_again() -> None:
    assert first(100) == first(100)
    assert first(100) != first(100, seed=8)


def test_a_period_lies_between_the_warm_up_and_the_end() -> None:
    period = MeasurementPeriod(warmup=1.0, duration=2.0)
    assert period.start - period.warmup_start == pytest.approx(1.0)
    assert period.seconds == pytest.approx(2.0)
    assert not period.samples(period.start - 0.1)
    assert period.samples(period.start)
    assert not period.contains(period.start - 0.1)
    assert period.contains(period.start)
    assert not period.contains(period.end)


def test_an_interruption_ends_a_period() -> None:
    period = MeasurementPeriod(warmup=0.0, duration=60.0)
    period.interrupt()
    assert period.interrupted
    assert 0 <= period.seconds < 30


def test_an_interrupted_warm_up_leaves_no_measurement() -> None:
    period = MeasurementPeriod(warmup=60.0, duration=60.0)
    period.interrupt()
    assert period.seconds == 0


def test_an_interruption_after_the_end_changes_nothing() -> None:
    period = MeasurementPeriod(warmup=0.0, duration=0.0)
    end = period.end
    period.interrupt()
    assert period.end == end
