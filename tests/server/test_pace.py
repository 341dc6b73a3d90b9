"""How long work takes, learned from work that was done."""

import pytest

from facewire_server.pace import Pace


def test_nothing_is_known_of_work_never_seen() -> None:
    pace = Pace()
    assert pace.mean("a", alone=False) == 0
    assert pace.careful("a", alone=True) == 0


def test_the_first_duration_is_the_estimate() -> None:
    pace = Pace()
    pace.learn("a", 0.5, alone=False)
    assert pace.mean("a", alone=False) == 0.5
    assert pace.careful("a", alone=False) == 0.5


def test_the_estimate_follows_what_is_seen() -> None:
    pace = Pace()
    pace.learn("a", 1.0, alone=False)
    for _ in range(100):
        pace.learn("a", 2.0, alone=False)
    assert pace.mean("a", alone=False) == pytest.approx(2.0, rel=0.01)


def test_durations_that_differ_make_careful_estimates_larger() -> None:
    pace = Pace()
    for number in range(100):
        pace.learn("a", 1.0 + number % 2, alone=False)
    assert pace.mean("a", alone=False) == pytest.approx(1.5, abs=0.1)
    assert pace.careful("a", alone=False) > 2.0


def test_work_alone_and_work_among_others_are_learned_apart() -> None:
    pace = Pace()
    pace.learn("a", 1.0, alone=True)
    assert pace.mean("a", alone=False) == 1.0
    pace.learn("a", 3.0, alone=False)
    assert pace.mean("a", alone=False) == 3.0
    assert pace.mean("a", alone=True) == 1.0
