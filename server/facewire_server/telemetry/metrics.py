"""The metrics of a running server, for Prometheus.

Rule: label values come from the server's own small sets (methods, models, codes, reasons),
never from what a caller sends.
"""

import time
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from facewire_server.errors import Reason
from facewire_server.inference.detector import Detections
from facewire_server.models.description import Description
from facewire_server.telemetry.model_counts import ModelCounts

BUCKETS = (
    *(0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05),
    *(0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0),
)
"""Upper bounds in seconds: from a light model without load to a heavy one in a queue."""

LARGEST = {"facewire_model_info", "facewire_watchdog_stalled"}
"""Gauges that several processes report together as the largest value; others as the sum."""


class Definition(NamedTuple):
    """The first arguments of a metric of prometheus-client."""

    name: str
    help: str
    labels: tuple[str, ...] = ()


REQUESTS = Definition(
    "facewire_requests_total",
    "Calls and frames of streams, by how they ended.",
    ("method", "model", "code"),
)
SECONDS = Definition(
    "facewire_request_seconds",
    "Time from the arrival of a request to its answer.",
    ("method", "model"),
)
STAGES = Definition(
    "facewire_stage_seconds",
    "Time of answered requests by stage: queue, decode, inference, postprocess.",
    ("stage", "model"),
)
INFLIGHT = Definition(
    "facewire_inflight_requests", "Requests that have arrived and are not answered yet."
)
DEPTH = Definition("facewire_queue_depth", "Requests that wait for a worker.")
QUEUED_BYTES = Definition("facewire_queued_bytes", "Bytes of the messages that wait for a worker.")
REJECTED = Definition(
    "facewire_rejected_total", "Requests that got an error, by its reason.", ("reason",)
)
DETECTIONS = Definition("facewire_detections_total", "Detections returned.", ("model",))
INFERENCES = Definition(
    "facewire_inferences_total",
    "Inferences begun, whether their answers came in time or not.",
    ("model",),
)
INFO = Definition(
    "facewire_model_info",
    "1 for each loaded model, 0 for one that was replaced or unloaded.",
    ("model", "version", "precision", "device"),
)
RELOADS = Definition(
    "facewire_model_reloads_total",
    "Reloads of a model, by outcome: succeeded, failed.",
    ("model", "outcome"),
)
STALLED = Definition(
    "facewire_watchdog_stalled",
    "1 while a request is worked on for longer than --stall-seconds.",
)
LINES_DROPPED = Definition(
    "facewire_log_lines_dropped_total",
    "Lines left out of the log: too many, or not read in time.",
)


CACHE_HITS = Definition(
    "facewire_response_cache_hits_total", "Requests answered from the response cache."
)
CACHE_MISSES = Definition(
    "facewire_response_cache_misses_total",
    "Requests worked on because the response cache had no answer.",
)
CACHE_BYTES = Definition(
    "facewire_response_cache_bytes", "Bytes that the response cache takes now."
)


class Metrics:
    """The metrics of the public contract, in a registry of their own."""

    def __init__(self) -> None:
        # `/metrics` lists them in the order in which they are made here.
        registry = self.registry = CollectorRegistry()
        self._requests = Counter(*REQUESTS, registry=registry)
        self._seconds = Histogram(*SECONDS, buckets=BUCKETS, registry=registry)
        self._stages = Histogram(*STAGES, buckets=BUCKETS, registry=registry)
        # These three are read when they are asked for, and cost requests nothing.
        self.inflight = Gauge(*INFLIGHT, registry=registry)
        self.depth = Gauge(*DEPTH, registry=registry)
        self.queued_bytes = Gauge(*QUEUED_BYTES, registry=registry)
        self._rejected = Counter(*REJECTED, registry=registry)
        self._detections = Counter(*DETECTIONS, registry=registry)
        self._inferences = Counter(*INFERENCES, registry=registry)
        self._info = Gauge(*INFO, registry=registry)
        self._reloads = Counter(*RELOADS, registry=registry)
        self._stalled = Gauge(*STALLED, registry=registry)
        self._lines_dropped = Counter(*LINES_DROPPED, registry=registry)
        self._cache_hits = Counter(*CACHE_HITS, registry=registry)
        self._cache_misses = Counter(*CACHE_MISSES, registry=registry)
        self._cache_bytes = Gauge(*CACHE_BYTES, registry=registry)
        # A series that begins at 1 is no increase to Prometheus; from 0 to 1 is one.
        for reason in Reason:
            self._rejected.labels(reason)
        # `labels` costs more than counting does, and every request needs these.
        self._rejected_of = cache(self._rejected.labels)
        self._requests_of = cache(self._requests.labels)
        self._seconds_of = cache(self._seconds.labels)
        self._stages_of = cache(self._stages.labels)
        self._detections_of = cache(self._detections.labels)
        self._inferences_of = cache(self._inferences.labels)
        # The histogram of requests does not tell those that failed from the others.
        self._spent: defaultdict[tuple[str, bool], float] = defaultdict(float)
        self._last: dict[str, float] = {}

    def checkpoint_passed(self, kind: str) -> None:
        """Count an inference that begins, of the model `kind`. The scheduler calls it."""
        self._inferences_of(kind).inc()

    def loaded(self, model: Description) -> None:
        """Show a model as loaded."""
        self._info.labels(*_identity(model)).set(1)

    def replaced(self, old: Description, new: Description) -> None:
        """Show a model as replaced by a new one, which may have another version."""
        self.unloaded(old)
        self.loaded(new)

    def unloaded(self, model: Description) -> None:
        """Show a model as unloaded."""
        self._info.labels(*_identity(model)).set(0)

    def reloaded(self, model: str, outcome: str) -> None:
        """Count a reload; `outcome` is succeeded or failed."""
        self._reloads.labels(model, outcome).inc()

    def stalled(self, stalls: bool) -> None:
        """Set whether a request is worked on for too long."""
        self._stalled.set(stalls)

    def log_lines_dropped(self, count: int) -> None:
        """Count lines that were left out of the log."""
        self._lines_dropped.inc(count)

    def cache_hit(self) -> None:
        """Count a request answered from the response cache, which calls it as its observer."""
        self._cache_hits.inc()

    def cache_missed(self) -> None:
        """Count a request that is worked on since the cache had no answer."""
        self._cache_misses.inc()

    def cache_holds(self, size: int) -> None:
        """Set how many bytes the cache takes."""
        self._cache_bytes.set(size)

    def finished(self, method: str, model: str, code: str, seconds: float) -> None:
        """Count a request that has ended; `model` is empty if it got to none."""
        self._requests_of(method, model, code).inc()
        self._seconds_of(method, model).observe(seconds)
        self._spent[model, code == "OK"] += seconds

    def statistics(self, models: Iterable[str]) -> dict[str, ModelCounts]:
        """What each of these models has done since the start, in all versions that it had."""
        metrics = (self._requests, self._stages, self._inferences)
        found = [metric for each in metrics for metric in each.collect()]
        counts = {model: ModelCounts.read(found, model) for model in models}
        for model, each in counts.items():
            each.success.seconds = self._spent.get((model, True), 0.0)
            each.fail.seconds = self._spent.get((model, False), 0.0)
            each.last = self._last.get(model, 0.0)
        return counts

    def rejected(self, reason: str) -> None:
        """Count a request that got an error."""
        self._rejected_of(reason).inc()

    def answered(self, detections: Detections, waited: float) -> None:
        """Count the detections of a request and its seconds by stage.

        `waited`: its seconds in the queue. Those from the cache have no stages: they would
        hide how long the work takes.
        """
        stages, model = detections.stages, detections.model.name
        self._detections_of(model).inc(len(detections.found.confidences))
        if detections.cached:
            return
        self._last[model] = time.time()
        self._stages_of("queue", model).observe(waited)
        self._stages_of("decode", model).observe(stages.decode)
        self._stages_of("inference", model).observe(stages.inference)
        self._stages_of("postprocess", model).observe(stages.postprocess)


def _identity(model: Description) -> tuple[str, str, str, str]:
    return model.name, model.version, model.precision, model.device
