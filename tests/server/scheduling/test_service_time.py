"""How long work takes, learned from work that was done."""

import pytest

from facewire_server.scheduling.service_time import CARE, ServiceTimes


def test_nothing_is_known_of_work_never_seen() -> None:
    times = ServiceTimes()
    assert times.estimate("a", exclusive=False, now=0) == 0
    assert times.estimate("a", exclusive=True, now=0, care=CARE) == 0


def test_the_first_duration_is_the_estimate() -> None:
    times = ServiceTimes()
    times.learn("a", 0.5, exclusive=False, now=0)
    assert times.estimate("a", exclusive=False, now=0) == 0.5
    assert times.estimate("a", exclusive=False, now=0, care=CARE) == 0.5


def test_the_estimate_follows_what_is_seen() -> None:
    times = ServiceTimes()
    times.learn("a", 1.0, exclusive=False, now=0)
    for _ in range(100):
        times.learn("a", 2.0, exclusive=False, now=0)
    assert times.estimate("a", exclusive=False, now=0) == pytest.approx(2.0, rel=0.01)


def test_durations_that_differ_make_careful_estimates_larger() -> None:
    times = ServiceTimes()
    for number in range(100):
        times.learn("a", 1.0 + number % 2, exclusive=False, now=0)
    assert times.estimate("a", exclusive=False, now=0) == pytest.approx(1.5, abs=0.1)
    assert times.estimate("a", exclusive=False, now=0, care=CARE) > 2.0


def test_exclusive_work_and_work_beside_others_are_learned_apart() -> None:
    times = ServiceTimes()
    times.learn("a", 1.0, exclusive=True, now=0)
    assert times.estimate("a", exclusive=False, now=0) == 1.0
    times.learn("a", 3.0, exclusive=False, now=0)
    assert times.estimate("a", exclusive=False, now=0) == 3.0
    assert times.estimate("a", exclusive=True, now=0) == 1.0


def test_what_was_not_seen_for_a_while_counts_for_less_and_less() -> None:
    times = ServiceTimes()
    times.learn("quick", 0.01, exclusive=False, now=100)
    times.learn("slow", 2.0, exclusive=False, now=100)
    assert times.estimate("quick", exclusive=False, now=101) == 0.01
    assert times.estimate("quick", exclusive=False, now=102) == 0.005
    assert times.estimate("quick", exclusive=False, now=103, care=CARE) == 0.0025
    assert times.estimate("slow", exclusive=False, now=120) == 2.0
    assert times.estimate("slow", exclusive=False, now=140) == 1.0
    times.learn("quick", 0.01, exclusive=False, now=140)
    assert times.estimate("quick", exclusive=False, now=140) == 0.01


def test_one_outlier_changes_little_and_many_change_it_soon() -> None:
    times = ServiceTimes()
    for _ in range(50):
        times.learn("a", 0.02, exclusive=False, now=0)
    times.learn("a", 2.0, exclusive=False, now=0)
    assert times.estimate("a", exclusive=False, now=0, care=CARE) < 0.05
    for _ in range(30):
        times.learn("a", 2.0, exclusive=False, now=0)
    assert times.estimate("a", exclusive=False, now=0) > 1.0
