"""What a soak holds against a server that grows."""

from collections.abc import Iterator
from dataclasses import replace

from benchmarks.soak.vitals import BUSY, KEPT, REST, Vitals, growth, remains, windows

CALM = Vitals(memory_mb=200, threads=20, fds=30, inflight=0, queued=0)


def busy(after: Vitals) -> Iterator[str]:
    return growth(CALM, after, BUSY, "under load")


def kept(after: Vitals) -> Iterator[str]:
    return growth(CALM, after, KEPT, "since the start")


def test_what_stays_the_same_is_no_growth() -> None:
    assert list(busy(CALM)) == []
    assert list(remains(CALM, CALM)) == []
    assert list(busy(replace(CALM, memory_mb=200 + BUSY["memory_mb"]))) == []


def test_growth_under_load_is_noticed() -> None:
    (memory,) = busy(replace(CALM, memory_mb=201 + BUSY["memory_mb"]))
    assert memory.startswith("memory_mb under load grew from 200 to ")
    (fds,) = busy(replace(CALM, fds=31 + BUSY["fds"]))
    assert fds.startswith("fds under load grew")


def test_what_is_left_at_rest_is_noticed() -> None:
    assert list(remains(CALM, replace(CALM, memory_mb=200 + REST["memory_mb"]))) == []
    (memory,) = remains(CALM, replace(CALM, memory_mb=201 + REST["memory_mb"]))
    assert memory.startswith("memory_mb")
    (threads,) = remains(CALM, replace(CALM, threads=21 + REST["threads"]))
    assert threads.startswith("threads")
    (fds,) = remains(CALM, replace(CALM, fds=31))
    assert fds.startswith("fds")


def test_what_is_kept_of_all_traffic_is_noticed() -> None:
    most = CALM.memory_mb + KEPT["memory_mb"]
    assert list(kept(replace(CALM, memory_mb=most))) == []
    (memory,) = kept(replace(CALM, memory_mb=most + 1))
    assert memory.startswith("memory_mb since the start grew from 200 to 401")


def test_a_request_in_flight_at_rest_is_noticed() -> None:
    stuck = replace(CALM, inflight=1)
    assert not stuck.at_rest()
    assert any("1 in flight" in line for line in remains(stuck, stuck))


def test_windows_are_the_medians_of_the_first_and_the_last_samples() -> None:
    samples = [replace(CALM, memory_mb=float(number)) for number in range(15)]
    first, last = windows(samples)
    assert (first.memory_mb, last.memory_mb) == (1, 13)
