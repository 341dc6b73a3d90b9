"""Check that a server exports the series and labels of a Prometheus query."""

import re
from collections.abc import Mapping

import grpc

from facewire_server.errors import Reason
from facewire_server.telemetry.metrics import Metrics
from facewire_server.workers.shared_metrics import SharedMetrics

KNOWN_VALUES: Mapping[str, set[str]] = {
    "code": {code.name for code in grpc.StatusCode},
    "reason": set(Reason),
    "outcome": {"succeeded", "failed"},
    "method": {"Detect", "DetectImage", "DetectStream", "ListModels", "GetModel"},
    "stage": {"queue", "decode", "inference", "postprocess"},
}
"""The values of the labels that facewire defines."""

TARGET_LABELS = {"job", "instance", "namespace", "pod"}
"""The labels that Prometheus adds to each sample, the last two under Kubernetes."""

SUFFIXES = {
    "counter": ("_total",),
    "gauge": ("",),
    "histogram": ("_bucket", "_sum", "_count"),
}
SELECTOR = re.compile(r"(?P<name>facewire_\w+|up)(?:\{(?P<matchers>[^}]*)\})?")
MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"([^"]*)"')
GROUPING = re.compile(r"\b(?:by|on) ?\(([^)]*)\)")


def exported() -> dict[str, set[str]]:
    """Return the labels of each series that a server exports, those of `--workers` included."""
    series = {"up": set[str]()}
    shared = SharedMetrics()
    collectors = [*vars(Metrics()).values(), *vars(shared).values()]
    for collector in collectors:
        labels = getattr(collector, "_labelnames", None)
        if labels is None:
            continue
        for suffix in SUFFIXES[collector._type]:
            series[collector._name + suffix] = {*labels, *_bucket_label(suffix)}
    return series


def mistakes(query: str) -> list[str]:
    """Return what a query uses that no server exports."""
    known, found, labels = exported(), [], set(TARGET_LABELS)
    for selector in SELECTOR.finditer(query):
        name = selector["name"]
        if name not in known:
            found.append(f"no series {name}")
            continue
        labels |= known[name]
        for label, _, value in MATCHER.findall(selector["matchers"] or ""):
            if label not in known[name] | TARGET_LABELS:
                found.append(f"{name} has no label {label}")
            found += _unknown_values(label, value)
    for names in GROUPING.findall(query):
        asked = {each.strip() for each in names.split(",")}
        found += [f"no label {label} to group by" for label in asked - labels]
    return found


def _bucket_label(suffix: str) -> tuple[str, ...]:
    return ("le",) if suffix == "_bucket" else ()


def _unknown_values(label: str, value: str) -> list[str]:
    if label not in KNOWN_VALUES:
        return []
    wrong = set(value.split("|")) - KNOWN_VALUES[label]
    return [f"{label} is never {each}" for each in wrong]
