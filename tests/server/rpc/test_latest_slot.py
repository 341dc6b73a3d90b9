"""A place that belongs to the newest until it is taken."""

from facewire_server.rpc.latest_slot import LatestSlot


def test_a_newer_request_replaces_an_older_one() -> None:
    place = LatestSlot(1)
    assert place.replace(2) == 1
    assert place.replace(3) == 2
    assert place.request == 3
    assert place.take() == 3


def test_a_request_that_is_taken_stays() -> None:
    place = LatestSlot(1)
    assert place.take() == 1
    assert place.replace(2) is None
    assert place.take() == 1
