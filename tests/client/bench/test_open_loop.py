"""An open loop, without a network."""

import asyncio
from itertools import takewhile

import pytest

from facewire_client.bench.arrivals import poisson
from facewire_client.bench.open_loop import OpenLoop
from facewire_client.bench.window import Window
from tests.client.bench.fake_sender import FakeSender


def offsets(sender: FakeSender, window: Window) -> list[float]:
    """All that was planned, as seconds from the beginning."""
    planned = sorted(sender.planned + sender.given_up)
    return [each - window.begins for each in planned]


def expected(load: OpenLoop, seconds: float) -> list[float]:
    """What ought to be planned within so many seconds."""
    arrivals = poisson(load.rate, load.seed)
    return list(takewhile(lambda arrival: arrival < seconds, arrivals))


def test_every_arrival_is_sent_at_its_time_however_slow_the_answers() -> None:
    load = OpenLoop(rate=300, seed=1, outstanding=1000)
    sender, window = FakeSender(0.3), Window(0.1, 0.2)
    asyncio.run(load.drive(sender, window))
    assert offsets(sender, window) == pytest.approx(expected(load, 0.3))
    assert not sender.given_up
    assert sender.most_in_flight > 10
    assert sender.in_flight == 0


def test_those_without_a_place_are_given_up_at_the_end_and_none_is_skipped() -> None:
    load = OpenLoop(rate=300, seed=1, outstanding=4)
    sender, window = FakeSender(0.1), Window(0.0, 0.3)
    asyncio.run(load.drive(sender, window))
    assert sender.most_in_flight == 4
    assert len(sender.given_up) > len(sender.planned)
    assert offsets(sender, window) == pytest.approx(expected(load, 0.3))


def test_a_stall_shows_in_the_latency_of_all_that_were_due_in_it() -> None:
    load = OpenLoop(rate=200, seed=1, outstanding=1)
    sender, window = FakeSender(), Window(0.0, 0.8)
    sender.stall_after, sender.stall = 30, 0.3
    asyncio.run(load.drive(sender, window))
    # One request in flight: only one was on its way during the stall, and a clock that
    # starts when a request is sent would show that one alone.
    slow = [latency for latency in sender.latencies if latency > 0.1]
    assert len(slow) > 20


def test_what_is_due_and_not_sent_is_given_up_when_it_is_cancelled() -> None:
    load = OpenLoop(rate=300, seed=1, outstanding=2)
    sender, window = FakeSender(60.0), Window(0.0, 60.0)

    async def interrupted() -> None:
        driving = asyncio.create_task(load.drive(sender, window))
        await asyncio.sleep(0.2)
        window.interrupt()
        driving.cancel()
        await asyncio.gather(driving, return_exceptions=True)

    asyncio.run(interrupted())
    assert len(sender.planned) == 2
    assert offsets(sender, window) == pytest.approx(expected(load, window.seconds))
    assert sender.in_flight == 0
