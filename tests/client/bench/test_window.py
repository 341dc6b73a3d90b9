"""The time that is measured."""

import pytest

from facewire_client.bench.window import Window


def test_what_counts_lies_between_the_warm_up_and_the_end() -> None:
    window = Window(warmup=1.0, duration=2.0)
    assert window.opens - window.begins == pytest.approx(1.0)
    assert window.seconds == pytest.approx(2.0)
    assert not window.samples(window.opens - 0.1)
    assert window.samples(window.opens)
    assert not window.is_open(window.opens - 0.1)
    assert window.is_open(window.opens)
    assert not window.is_open(window.closes)


def test_an_interruption_closes_it() -> None:
    window = Window(warmup=0.0, duration=60.0)
    window.interrupt()
    assert window.interrupted
    assert 0 <= window.seconds < 30


def test_an_interrupted_warm_up_leaves_nothing_that_is_measured() -> None:
    window = Window(warmup=60.0, duration=60.0)
    window.interrupt()
    assert window.seconds == 0


def test_an_interruption_after_the_end_changes_no_time() -> None:
    window = Window(warmup=0.0, duration=0.0)
    closes = window.closes
    window.interrupt()
    assert window.closes == closes
