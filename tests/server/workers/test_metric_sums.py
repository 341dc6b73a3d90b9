"""The metrics of several processes are those of one."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric
from prometheus_client.exposition import generate_latest

from facewire_server.workers.metric_sums import (
    Families,
    read_families,
    sum_families,
    to_metrics,
    without_gauges,
)


class Process:
    """What a process counts."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.calls = Counter("calls", "Calls.", ("code",), registry=self.registry)
        self.waiting = Gauge("waiting", "Who waits.", registry=self.registry)
        self.stalled = Gauge("facewire_watchdog_stalled", "Whether.", registry=self.registry)
        self.seconds = Histogram("seconds", "Time.", buckets=(1, 2), registry=self.registry)


def text(families: Families) -> str:
    """The exposition format of these, without its comments."""

    class Collector:
        def collect(self) -> Iterator[Metric]:
            return to_metrics(families)

    registry = CollectorRegistry()
    registry.register(Collector())
    lines = generate_latest(registry).decode().splitlines()
    return "\n".join(line for line in lines if not line.startswith("#"))


def sum_of(*processes: Process) -> list[str]:
    """The lines of several processes as one."""
    families = [read_families(each.registry) for each in processes]
    return text(sum_families(families)).splitlines()


def test_the_metrics_of_one_process_are_unchanged() -> None:
    one = Process()
    one.calls.labels("OK").inc(3)
    one.seconds.observe(1.5)
    own = generate_latest(one.registry).decode().splitlines()
    expected = [line for line in own if "_created" not in line and line[0] != "#"]
    assert text(read_families(one.registry)).splitlines() == expected


def test_counters_and_histograms_are_sums() -> None:
    one, other = Process(), Process()
    one.calls.labels("OK").inc(3)
    other.calls.labels("OK").inc(4)
    other.calls.labels("CANCELLED").inc()
    one.seconds.observe(0.5)
    other.seconds.observe(1.5)
    found = sum_of(one, other)
    assert 'calls_total{code="OK"} 7.0' in found
    assert 'calls_total{code="CANCELLED"} 1.0' in found
    assert 'seconds_bucket{le="1.0"} 1.0' in found
    assert 'seconds_bucket{le="+Inf"} 2.0' in found
    assert "seconds_sum 2.0" in found


def test_gauges_are_sums_or_the_largest() -> None:
    one, other = Process(), Process()
    for each in (one, other):
        each.waiting.set(2)
        each.stalled.set(1)
    found = sum_of(one, other)
    assert "waiting 4.0" in found
    assert "facewire_watchdog_stalled 1.0" in found


def test_counters_of_a_process_that_has_ended_stay_and_its_gauges_go() -> None:
    one = Process()
    one.calls.labels("OK").inc()
    one.waiting.set(2)
    left = text(without_gauges(read_families(one.registry)))
    assert 'calls_total{code="OK"} 1.0' in left
    assert "seconds_count 0.0" in left
    assert "waiting" not in left


def test_a_sum_changes_none_of_its_parts() -> None:
    one = Process()
    one.calls.labels("OK").inc()
    part = read_families(one.registry)
    sum_families([part, part])
    assert text(part) == text(read_families(one.registry))
