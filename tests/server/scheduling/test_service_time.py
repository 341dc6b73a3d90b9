"""How long work takes, learned from work that was done."""

import pytest

from facewire_server.scheduling.service_time import ServiceTimes


def test_nothing_is_known_of_work_never_seen() -> None:
    pace = ServiceTimes()
    assert pace.mean("a", alone=False, now=0) == 0
    assert pace.careful("a", alone=True, now=0) == 0


def test_the_first_duration_is_the_estimate() -> None:
    pace = ServiceTimes()
    pace.learn("a", 0.5, alone=False, now=0)
    assert pace.mean("a", alone=False, now=0) == 0.5
    assert pace.careful("a", alone=False, now=0) == 0.5


def test_the_estimate_follows_what_is_seen() -> None:
    pace = ServiceTimes()
    pace.learn("a", 1.0, alone=False, now=0)
    for _ in range(100):
        pace.learn("a", 2.0, alone=False, now=0)
    assert pace.mean("a", alone=False, now=0) == pytest.approx(2.0, rel=0.01)


def test_durations_that_differ_make_careful_estimates_larger() -> None:
    pace = ServiceTimes()
    for number in range(100):
        pace.learn("a", 1.0 + number % 2, alone=False, now=0)
    assert pace.mean("a", alone=False, now=0) == pytest.approx(1.5, abs=0.1)
    assert pace.careful("a", alone=False, now=0) > 2.0


def test_work_alone_and_work_among_others_are_learned_apart() -> None:
    pace = ServiceTimes()
    pace.learn("a", 1.0, alone=True, now=0)
    assert pace.mean("a", alone=False, now=0) == 1.0
    pace.learn("a", 3.0, alone=False, now=0)
    assert pace.mean("a", alone=False, now=0) == 3.0
    assert pace.mean("a", alone=True, now=0) == 1.0


def test_what_was_not_seen_for_a_while_counts_for_less_and_less() -> None:
    pace = ServiceTimes()
    pace.learn("quick", 0.01, alone=False, now=100)
    pace.learn("slow", 2.0, alone=False, now=100)
    assert pace.mean("quick", alone=False, now=101) == 0.01
    assert pace.mean("quick", alone=False, now=102) == 0.005
    assert pace.careful("quick", alone=False, now=103) == 0.0025
    assert pace.mean("slow", alone=False, now=120) == 2.0
    assert pace.mean("slow", alone=False, now=140) == 1.0
    pace.learn("quick", 0.01, alone=False, now=140)
    assert pace.mean("quick", alone=False, now=140) == 0.01


def test_one_that_is_odd_changes_little_and_many_change_it_soon() -> None:
    pace = ServiceTimes()
    for _ in range(50):
        pace.learn("a", 0.02, alone=False, now=0)
    pace.learn("a", 2.0, alone=False, now=0)
    assert pace.careful("a", alone=False, now=0) < 0.05
    for _ in range(30):
        pace.learn("a", 2.0, alone=False, now=0)
    assert pace.mean("a", alone=False, now=0) > 1.0
