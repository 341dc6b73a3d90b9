"""What one model has done, read from the metrics of the server."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self

from prometheus_client import Metric
from prometheus_client.samples import Sample

STAGES = ("queue", "decode", "inference", "postprocess")


@dataclass(slots=True)
class Sum:
    """How often something happened, and how many seconds it took in all."""

    count: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class ModelCounts:
    """The requests of a model by how they ended, and the stages of those answered.

    `executions`: inferences begun. `last`: when an image was answered last by the network, in
    seconds since 1970; 0: none was.
    """

    success: Sum = field(default_factory=Sum)
    fail: Sum = field(default_factory=Sum)
    stages: Mapping[str, Sum] = field(default_factory=lambda: {stage: Sum() for stage in STAGES})
    executions: int = 0
    last: float = 0.0

    @classmethod
    def read(cls, metrics: Iterable[Metric], model: str) -> Self:
        """Read what these metrics have counted for a model.

        The seconds of requests and `last` are not among it, and are 0.
        """
        counts = cls()
        samples = (sample for metric in metrics for sample in metric.samples)
        for sample in samples:
            if sample.labels.get("model") == model:
                counts._add(sample)
        return counts

    def _add(self, sample: Sample) -> None:
        labels, value = sample.labels, sample.value
        match sample.name.removeprefix("facewire_"):
            case "requests_total":
                ended = self.success if labels["code"] == "OK" else self.fail
                ended.count += int(value)
            case "stage_seconds_count":
                self.stages[labels["stage"]].count = int(value)
            case "stage_seconds_sum":
                self.stages[labels["stage"]].seconds = value
            case "inferences_total":
                self.executions = int(value)
