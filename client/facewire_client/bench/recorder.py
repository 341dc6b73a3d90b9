"""The record of a run: the outcome of every request."""

from array import array
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from facewire_client.bench.load import MeasurementPeriod
from facewire_client.errors import FaceClientError

STAGES = ("queue", "decode", "inference", "postprocess", "total")
"""The stages of the server, named as the fields of Timing."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The recorded part of an answer: the number of detections, and the server's times.

    `stages` are seconds by the names of STAGES; empty: the server sends no times.
    """

    detections: int
    stages: Mapping[str, float] = field(default_factory=dict)


class Recorder:
    """Records requests as they end; all times are in seconds of `time.monotonic`.

    Latency counts from the time that a request was planned for, not from when it was sent.
    """

    def __init__(self, period: MeasurementPeriod, images: int, deadline: float | None) -> None:
        self.period = period
        self.latencies = array("d")
        self.failed_latencies = array("d")
        self.lags = array("d")
        """How much later than planned each request was sent."""
        self.stages = {stage: array("d") for stage in STAGES}
        self.failures: Counter[tuple[str, str]] = Counter()
        """By code and reason."""
        self.messages: dict[tuple[str, str], str] = {}
        """The message of the first failure of each kind."""
        self.detections: list[Counter[int]] = [Counter() for _ in range(images)]
        """For each image, the number of answers by their number of detections."""
        self.planned = 0
        self.unsent = 0
        self.answered_at = array("d")
        """The times of the answers that came within the period."""
        self.ended_in_period = 0
        self.good_in_period = 0
        """Answers within the period and within their deadline."""
        self._deadline = deadline

    @property
    def answered_in_period(self) -> int:
        """The number of answers that came within the period."""
        return len(self.answered_at)

    def due(self, planned: float) -> None:
        """Record that the planned time of a request has come.

        A call of `answered`, `failed` or `not_sent` follows, except for a request that is in
        flight when the run is interrupted.
        """
        self.planned += self.period.samples(planned)

    def answered(
        self,
        planned: float,
        sent: float,
        ended: float,
        image: int,
        answer: Answer,
    ) -> None:
        """Record the answer to a request; `image` is the index of its image."""
        latency = ended - planned
        if self.period.contains(ended):
            self.ended_in_period += 1
            self.answered_at.append(ended)
            self.good_in_period += self._deadline is None or latency <= self._deadline
        if not self.period.samples(planned):
            return
        self.latencies.append(latency)
        self.lags.append(sent - planned)
        self.detections[image][answer.detections] += 1
        for stage, seconds in answer.stages.items():
            self.stages[stage].append(seconds)

    def failed(self, planned: float, sent: float, ended: float, error: FaceClientError) -> None:
        """Record a request that ended with an error."""
        self.ended_in_period += self.period.contains(ended)
        if not self.period.samples(planned):
            return
        self.failed_latencies.append(ended - planned)
        self.lags.append(sent - planned)
        kind = error.code.name, error.reason
        self.failures[kind] += 1
        self.messages.setdefault(kind, error.message)

    def not_sent(self, planned: float) -> None:
        """Record a request that was not sent before its deadline, or before the end."""
        self.unsent += self.period.samples(planned)
