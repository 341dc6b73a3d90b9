"""A closed loop, without a network."""

import asyncio

from facewire_client.bench.closed_loop import ClosedLoop
from facewire_client.bench.window import Window
from tests.client.bench.fake_sender import FakeSender


def test_so_many_requests_are_in_flight_and_no_more() -> None:
    sender, window = FakeSender(0.002), Window(0.0, 0.1)
    asyncio.run(ClosedLoop(5).drive(sender, window))
    assert sender.most_in_flight == 5
    assert len(sender.planned) >= 10
    assert sender.in_flight == 0
    assert not sender.given_up


def test_nothing_is_sent_once_the_window_has_closed() -> None:
    sender, window = FakeSender(0.002), Window(0.02, 0.05)
    asyncio.run(ClosedLoop(3).drive(sender, window))
    assert window.begins <= min(sender.planned)
    assert max(sender.planned) < window.closes
