"""The numbers of a running server, for Prometheus.

Rule: label values come from the server's own small sets (methods, models, codes),
never from what a caller sends.
"""

from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from facewire_server.errors import Reason
from facewire_server.inference.detector import Detections
from facewire_server.models.description import Description

BUCKETS = (
    *(0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05),
    *(0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0),
)
"""Upper bounds in seconds: from a light model alone to a heavy one in a queue."""


LARGEST = {"facewire_model_info", "facewire_watchdog_stalled"}
"""Gauges of which several processes together have the largest; of others the sum."""


class Metrics:
    """The metrics of the public contract, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "facewire_requests_total",
            "Calls and frames of streams, by how they ended.",
            ("method", "model", "code"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "facewire_request_seconds",
            "Time from the arrival of a request to its answer.",
            ("method", "model"),
            buckets=BUCKETS,
            registry=self.registry,
        )
        self._stages = Histogram(
            "facewire_stage_seconds",
            "Time of answered requests by stage: queue, decode, inference, postprocess.",
            ("stage", "model"),
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.inflight = Gauge(
            "facewire_inflight_requests",
            "Requests that have arrived and are not answered yet.",
            registry=self.registry,
        )
        self._depth = Gauge(
            "facewire_queue_depth",
            "Requests that wait for a worker.",
            registry=self.registry,
        )
        self._queued_bytes = Gauge(
            "facewire_queued_bytes",
            "Bytes of the messages that wait for a worker.",
            multiprocess_mode="livesum",
            registry=self.registry,
        )
        self._rejected = Counter(
            "facewire_rejected_total",
            "Requests that got an error, by its reason.",
            ("reason",),
            registry=self.registry,
        )
        self._detections = Counter(
            "facewire_detections_total",
            "Detections returned.",
            ("model",),
            registry=self.registry,
        )
        self._inferences = Counter(
            "facewire_inferences_total",
            "Inferences begun, whether their answers came in time or not.",
            ("model",),
            registry=self.registry,
        )
        self._info = Gauge(
            "facewire_model_info",
            "1 for each loaded model, 0 for what it has taken the place of.",
            ("model", "version", "precision", "device"),
            registry=self.registry,
        )
        self._reloads = Counter(
            "facewire_model_reloads_total",
            "Reloads of a model, by outcome: succeeded, failed.",
            ("model", "outcome"),
            registry=self.registry,
        )
        self._stalled = Gauge(
            "facewire_watchdog_stalled",
            "1 while a request is worked on for longer than --stall-seconds.",
            registry=self.registry,
        )
        self._log_lines_dropped = Counter(
            "facewire_log_lines_dropped_total",
            "Lines left out of the log: too many, or not read in time.",
            registry=self.registry,
        )
        # From nothing to one is no increase to Prometheus, and from 0 to 1 it is.
        for reason in Reason:
            self._rejected.labels(reason)
        # What every request counts: to look a label up takes longer than to count.
        self._requests_of = cache(self._requests.labels)
        self._seconds_of = cache(self._seconds.labels)
        self._stages_of = cache(self._stages.labels)
        self._detections_of = cache(self._detections.labels)
        self._inferences_of = cache(self._inferences.labels)

    def queued(self, depth: int, size: int) -> None:
        """Notes how many requests wait, and their bytes. See scheduler.Observer."""
        self._depth.set(depth)
        self._queued_bytes.set(size)

    def checkpoint_passed(self, kind: str) -> None:
        """Counts an inference of the model `kind`. See scheduler.Observer."""
        self._inferences_of(kind).inc()

    def loaded(self, model: Description) -> None:
        """Counts a model in."""
        self._info.labels(*_identity(model)).set(1)

    def replaced(self, old: Description, new: Description) -> None:
        """Counts a model out, and the one in that has taken its place."""
        self._info.labels(*_identity(old)).set(0)
        self.loaded(new)

    def reloaded(self, model: str, outcome: str) -> None:
        """Counts a reload; `outcome` is succeeded or failed."""
        self._reloads.labels(model, outcome).inc()

    def stalled(self, stalls: bool) -> None:
        """Notes whether work does not end."""
        self._stalled.set(stalls)

    def log_lines_dropped(self, count: int) -> None:
        """Counts lines that were left out of the log."""
        self._log_lines_dropped.inc(count)

    def finished(self, method: str, model: str, code: str, seconds: float) -> None:
        """Counts a request that has ended; `model` is empty where there is none."""
        self._requests_of(method, model, code).inc()
        self._seconds_of(method, model).observe(seconds)

    def rejected(self, reason: str) -> None:
        """Counts a request that got an error."""
        self._rejected.labels(reason).inc()

    def answered(self, detections: Detections, waited: float) -> None:
        """Counts what was found and where the time went, in seconds."""
        stages, model = detections.stages, detections.model.name
        self._stages_of("queue", model).observe(waited)
        self._stages_of("decode", model).observe(stages.decode)
        self._stages_of("inference", model).observe(stages.inference)
        self._stages_of("postprocess", model).observe(stages.postprocess)
        self._detections_of(model).inc(len(detections.found.confidences))


def _identity(model: Description) -> tuple[str, str, str, str]:
    return model.name, model.version, model.precision, model.device
