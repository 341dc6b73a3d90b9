"""Reports for tests."""

from collections.abc import Callable
from datetime import UTC, datetime

import grpc

from facewire_client.bench.load import ClosedLoop, MeasurementPeriod, OpenLoop
from facewire_client.bench.recorder import STAGES, Answer, Recorder
from facewire_client.bench.report import Report, report
from facewire_client.bench.run import Run
from facewire_client.bench.settings import Photo, Settings
from facewire_client.connection import Connection
from facewire_client.errors import FaceClientError
from facewire_client.response import model_info
from tests.client.fake_server import MODELS

STARTED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
FULL = FaceClientError(grpc.StatusCode.RESOURCE_EXHAUSTED, "QUEUE_FULL", "it is full")
CLOSED = Settings(load=ClosedLoop(4), warmup=1.0, duration=2.0)
OPEN = Settings(
    load=OpenLoop(rate=9.5, seed=3, outstanding=7),
    warmup=1.0,
    duration=2.0,
    deadline=0.5,
)
Change = Callable[[Recorder], None]


def made(settings: Settings, *faces: int, change: Change = lambda _: None) -> Report:
    """Make a report of answers with these numbers of faces, 100, 200, ... ms after their time."""
    period = MeasurementPeriod(settings.warmup, settings.duration)
    record = Recorder(period, 1, settings.deadline)
    for number, count in enumerate(faces, start=1):
        planned = period.start
        record.due(planned)
        answer = Answer(count, dict.fromkeys(STAGES, 0.0) | {"queue": 0.0015})
        record.answered(planned, planned, planned + number / 10, 0, answer)
    change(record)
    photos = [Photo("photo.jpg", b"12345")]
    model = model_info(MODELS[0])
    return report(Connection("host:1"), settings, photos, model, Run(STARTED, record, 0.5))


def refuse(record: Recorder) -> None:
    """Record one refused request and two that were not sent."""
    planned = record.period.start
    for _ in range(3):
        record.due(planned)
    record.failed(planned, planned, planned + 0.001, FULL)
    record.not_sent(planned)
    record.not_sent(planned)


def interrupt(record: Recorder) -> None:
    """Interrupt the run with one request in flight."""
    record.due(record.period.start)
    record.period.interrupt()
