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


Families = dict[str, Family]
"""Metrics by their names; can be pickled."""


def read_families(registry: CollectorRegistry) -> Families:
    """Read the metrics of this process as they are now."""
    return {
        metric.name: Family(metric.documentation, metric.type, _values(metric))
        for metric in registry.collect()
    }


def without_gauges(families: Families) -> Families:
    """Return what counts of a process that has ended: its counters and histograms."""
    return {name: family for name, family in families.items() if family.kind != "gauge"}


def sum_families(processes: Iterable[Families]) -> Families:
    """Combine the metrics of several processes: sums, and the maximum of those in LARGEST."""
    total: Families = {}
    for families in processes:
        for name, family in families.items():
            values = total.setdefault(name, Family(family.documentation, family.kind, {})).values
            for key, value in family.values.items():
                if name in LARGEST:
                    values[key] = max(value, values.get(key, value))
                else:
                    values[key] = values.get(key, 0.0) + value
    return total


def to_metrics(families: Families) -> Iterator[Metric]:
    """Convert metrics to the form that prometheus-client's collectors return."""
    for name, family in families.items():
        metric = Metric(name, family.documentation, family.kind)
        for (sample, labels), value in family.values.items():
            metric.add_sample(sample, dict(labels), value)
        yield metric


def _values(metric: Metric) -> Values:
    return {
        (sample.name, tuple(sample.labels.items())): sample.value
        for sample in metric.samples
        # The times at which the processes began to count cannot be added.
        if not sample.name.endswith("_created")
    }
