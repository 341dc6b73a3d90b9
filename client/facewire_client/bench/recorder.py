"""What became of every request."""

from array import array
from collections import Counter

from facewire_client.bench.method import STAGES, Answer
from facewire_client.bench.window import Window
from facewire_client.errors import FaceClientError


class Recorder:
    """Notes requests as they end; times are in seconds.

    Latency counts from the time a request was planned for, not from when it was sent.
    """

    def __init__(self, window: Window, images: int, deadline: float | None) -> None:
        self.window = window
        self.latencies = array("d")
        self.failed_latencies = array("d")
        self.lags = array("d")
        """How much later than planned each request was sent."""
        self.stages = {stage: array("d") for stage in STAGES}
        self.failures: Counter[tuple[str, str]] = Counter()
        """By code and reason."""
        self.messages: dict[tuple[str, str], str] = {}
        """What the first failure of each kind said."""
        self.detections: list[Counter[int]] = [Counter() for _ in range(images)]
        """For each image, how often so many were found in it."""
        self.planned = 0
        self.unsent = 0
        self.answered_at = array("d")
        """When each answer came that came in the window."""
        self.ended_in_window = 0
        self.good_in_window = 0
        self._deadline = deadline

    @property
    def answered_in_window(self) -> int:
        """How many answers came in the window."""
        return len(self.answered_at)

    def came_due(self, planned: float) -> None:
        """The time of a request has come; one of the others follows, but not always."""
        self.planned += self.window.samples(planned)

    def answered(
        self,
        planned: float,
        sent: float,
        ended: float,
        image: int,
        answer: Answer,
    ) -> None:
        """A request for the image of this number was answered."""
        latency = ended - planned
        if self.window.is_open(ended):
            self.ended_in_window += 1
            self.answered_at.append(ended)
            self.good_in_window += self._deadline is None or latency <= self._deadline
        if not self.window.samples(planned):
            return
        self.latencies.append(latency)
        self.lags.append(sent - planned)
        self.detections[image][answer.detections] += 1
        for stage, seconds in answer.stages.items():
            self.stages[stage].append(seconds)

    def failed(self, planned: float, sent: float, ended: float, error: FaceClientError) -> None:
        """A request was refused, or failed otherwise."""
        self.ended_in_window += self.window.is_open(ended)
        if not self.window.samples(planned):
            return
        self.failed_latencies.append(ended - planned)
        self.lags.append(sent - planned)
        kind = error.code.name, error.reason
        self.failures[kind] += 1
        self.messages.setdefault(kind, error.message)

    def never_sent(self, planned: float) -> None:
        """A request found no place before its deadline, or before the end."""
        self.unsent += self.window.samples(planned)
