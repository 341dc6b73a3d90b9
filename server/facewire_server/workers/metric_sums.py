"""The metrics of one process as plain data, and those of several as one."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Metric

from facewire_server.telemetry.metrics import LARGEST

Values = dict[tuple[str, tuple[tuple[str, str], ...]], float]
"""Values by the name of a sample and its labels."""


@dataclass(frozen=True, slots=True)
class Family:
    """The samples of one metric."""

    documentation: str
    kind: str
    values: Values


Report = dict[str, Family]
"""Metrics by their names."""


def report(registry: CollectorRegistry) -> Report:
    """What a process has counted so far."""
    return {
        metric.name: Family(metric.documentation, metric.type, _values(metric))
        for metric in registry.collect()
    }


def counted(of: Report) -> Report:
    """What stays of a process that has ended: what it has counted, not what it had."""
    return {name: family for name, family in of.items() if family.kind != "gauge"}


def summed(reports: Iterable[Report]) -> Report:
    """One report for several processes: sums, of the gauges in LARGEST the largest."""
    total: Report = {}
    for each in reports:
        for name, family in each.items():
            same = total.setdefault(name, Family(family.documentation, family.kind, {})).values
            for key, value in family.values.items():
                if name in LARGEST:
                    same[key] = max(value, same.get(key, value))
                else:
                    same[key] = same.get(key, 0.0) + value
    return total


def metrics(of: Report) -> Iterator[Metric]:
    """A report as prometheus-client has it."""
    for name, family in of.items():
        metric = Metric(name, family.documentation, family.kind)
        for (sample, labels), value in family.values.items():
            metric.add_sample(sample, dict(labels), value)
        yield metric


def _values(metric: Metric) -> Values:
    return {
        (sample.name, tuple(sample.labels.items())): sample.value
        for sample in metric.samples
        # The times at which processes began to count have no sum.
        if not sample.name.endswith("_created")
    }
