"""The simulation of several servers, against theory and against sums."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import scaling
from benchmarks.scaling import RETRIES, SERVICE, Fleet, bursts
from facewire_client.retry import MAX_ATTEMPTS


@pytest.mark.parametrize("load", [0.3, 0.7])
def test_calls_wait_as_long_as_in_a_queue_with_random_arrivals_and_one_core(load: float) -> None:
    fleet = Fleet(1, "none", deadline=None, cores=1, places=10**6)
    fleet.run([(6000 * SERVICE / load, load / SERVICE)])
    mean = sum(fleet.waits) / len(fleet.waits)
    assert mean == pytest.approx(SERVICE * load / 2 / (1 - load), rel=0.1)  # Pollaczek-Khinchine
    assert fleet.ended["answered"] + fleet.ended["open"] == fleet.calls


@pytest.mark.parametrize("retry", RETRIES)
def test_every_call_ends_once_or_is_in_flight(retry: str) -> None:
    fleet = Fleet(2, retry).run([(3, 1.5 * 4 / SERVICE)])
    kinds = ("answered", "refused", "expired", "open")
    assert fleet.calls == sum(fleet.ended[each] for each in kinds) == fleet.ended.total()
    assert 0 < fleet.ended["open"] < fleet.calls / 2
    assert fleet.ended["answered"] == len(fleet.waits) == len(fleet.times)
    assert max(fleet.times) <= 3


def test_a_seed_gives_the_same_run_again_and_another_one_does_not() -> None:
    def run(seed: int) -> list[float]:
        return Fleet(2).run([(2, 1.2 * 4 / SERVICE)], seed).times

    assert run(1) == run(1) != run(2)


def test_a_core_answers_no_more_than_it_can() -> None:
    fleet = Fleet(1, "none", deadline=None, cores=1, places=2).run([(100 * SERVICE, 50 / SERVICE)])
    assert fleet.calls > 4000
    # One in 50 is answered, and those that are refused take as long again at most.
    assert 49 <= fleet.ended["answered"] <= 100
    assert max(fleet.waits) <= 3 * 2 * SERVICE


def test_servers_take_turns() -> None:
    fleet = Fleet(4, "none").run([(5, 0.5 * 8 / SERVICE)])
    busy = [each.busy for each in fleet.servers]
    assert max(busy) - min(busy) <= 2 * SERVICE


def test_the_client_sends_fewer_attempts_than_a_loop_and_gets_more_answers() -> None:
    none, pushback, loop = (Fleet(1, each).run([(6, 3 / SERVICE)]) for each in RETRIES)
    assert none.attempts == none.calls == pushback.calls
    assert pushback.calls < pushback.attempts <= MAX_ATTEMPTS * pushback.calls
    assert loop.attempts > 2 * pushback.attempts
    assert loop.ended["answered"] < pushback.ended["answered"]


def test_busy_servers_get_more_after_the_delay_and_idle_ones_do_not() -> None:
    busy, idle = (Fleet(1, delay=5).run([(19, load * 2 / SERVICE)]) for load in (1.2, 0.1))
    assert (len(busy.servers), len(idle.servers)) == (1, 1)
    later = Fleet(1, delay=5).run([(21, 1.2 * 2 / SERVICE)])
    assert len(later.servers) == 2  # a load of 1 / 0.7, rounded up


def test_bursts_have_the_mean_rate_that_is_asked_for() -> None:
    segments = bursts(100)
    calls = sum(seconds * rate for seconds, rate in segments)
    assert calls / sum(seconds for seconds, _ in segments) == pytest.approx(100)
    rates = {round(rate, 6) for _, rate in segments}
    assert len(rates) == 2 and max(rates) == pytest.approx(3 * min(rates))


def test_the_numbers_are_printed_and_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    points = [("attempts a call", name, [0.5, 1], [1.0, 2.25]) for name in RETRIES]
    monkeypatch.setattr(scaling, "lines", lambda: points)
    picture = tmp_path / "picture.png"
    result = CliRunner().invoke(scaling.main, [str(picture)], catch_exceptions=False)
    assert "attempts a call, pushback: 0.5: 1, 1: 2.25," in result.output
    assert picture.read_bytes().startswith(b"\x89PNG")
