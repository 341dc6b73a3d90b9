"""What a soak holds against a server that grows."""

from dataclasses import replace

from benchmarks.soak.vitals import (
    BUSY_FDS,
    BUSY_MEMORY_MB,
    KEPT_MEMORY_MB,
    REST_MEMORY_MB,
    REST_THREADS,
    Vitals,
    at_rest,
    growth,
    kept,
    remains,
    windows,
)

CALM = Vitals(0, memory_mb=200, threads=20, fds=30, inflight=0, queued=0)


def test_what_stays_the_same_is_no_growth() -> None:
    assert list(growth(CALM, CALM)) == []
    assert list(remains(CALM, CALM)) == []
    assert list(growth(CALM, replace(CALM, memory_mb=200 + BUSY_MEMORY_MB))) == []


def test_growth_under_load_is_noticed() -> None:
    (memory,) = growth(CALM, replace(CALM, memory_mb=201 + BUSY_MEMORY_MB))
    assert memory.startswith("memory_mb grew from 200 to ")
    (fds,) = growth(CALM, replace(CALM, fds=31 + BUSY_FDS))
    assert fds.startswith("fds grew")


def test_what_is_left_at_rest_is_noticed() -> None:
    assert list(remains(CALM, replace(CALM, memory_mb=200 + REST_MEMORY_MB))) == []
    (memory,) = remains(CALM, replace(CALM, memory_mb=201 + REST_MEMORY_MB))
    assert memory.startswith("memory_mb")
    (threads,) = remains(CALM, replace(CALM, threads=21 + REST_THREADS))
    assert threads.startswith("threads")
    (fds,) = remains(CALM, replace(CALM, fds=31))
    assert fds.startswith("fds")


def test_what_is_kept_of_all_traffic_is_noticed() -> None:
    most = CALM.memory_mb + KEPT_MEMORY_MB
    assert list(kept(CALM, replace(CALM, memory_mb=most))) == []
    (memory,) = kept(CALM, replace(CALM, memory_mb=most + 1))
    assert memory == "memory_mb before all traffic: 200, and 401 when it was over"


def test_a_request_in_flight_at_rest_is_noticed() -> None:
    stuck = replace(CALM, inflight=1)
    assert not at_rest(stuck)
    assert any("1 in flight" in line for line in remains(stuck, stuck))


def test_windows_are_the_medians_of_the_first_and_the_last_samples() -> None:
    samples = [replace(CALM, memory_mb=float(number)) for number in range(15)]
    first, last = windows(samples)
    assert (first.memory_mb, last.memory_mb) == (1, 13)
