"""The counts and times of a record."""

import grpc
import pytest

from facewire_client.bench.load import MeasurementPeriod
from facewire_client.bench.recorder import STAGES, Answer, Recorder
from facewire_client.errors import FaceClientError

FULL = FaceClientError(grpc.StatusCode.RESOURCE_EXHAUSTED, "QUEUE_FULL", "it is full")
ANSWER = Answer(2, dict(zip(STAGES, (1e-6, 2e-6, 3e-6, 4e-6, 10e-6), strict=True)))


@pytest.fixture
def period() -> MeasurementPeriod:
    return MeasurementPeriod(warmup=1.0, duration=2.0)


@pytest.fixture
def recorder(period: MeasurementPeriod) -> Recorder:
    return Recorder(period, images=2, deadline=0.5)


def test_latency_counts_from_the_planned_time(
    period: MeasurementPeriod, recorder: Recorder
) -> None:
    planned = period.start
    recorder.answered(planned, planned + 0.25, planned + 0.75, 0, ANSWER)
    assert recorder.latencies[0] == pytest.approx(0.75)
    assert recorder.lags[0] == pytest.approx(0.25)


def test_answers_to_the_warm_up_count_for_the_rate_but_not_for_the_sample(
    period: MeasurementPeriod, recorder: Recorder
) -> None:
    planned = period.start - 0.1
    recorder.due(planned)
    recorder.answered(planned, planned, period.start - 0.01, 0, ANSWER)
    assert recorder.answered_in_period == 0
    recorder.due(planned)
    recorder.answered(planned, planned, period.start + 0.01, 0, ANSWER)
    assert list(recorder.answered_at) == [period.start + 0.01]
    assert recorder.answered_in_period == 1
    assert recorder.planned == 0
    assert not recorder.latencies


def test_an_answer_after_the_end_counts_for_the_sample_but_not_for_the_rate(
    period: MeasurementPeriod, recorder: Recorder
) -> None:
    planned = period.end - 0.1
    recorder.answered(planned, planned, period.end + 0.1, 0, ANSWER)
    assert recorder.answered_in_period == 0
    assert len(recorder.latencies) == 1


def test_only_answers_within_the_deadline_count_as_goodput(
    period: MeasurementPeriod, recorder: Recorder
) -> None:
    planned = period.start
    recorder.answered(planned, planned, planned + 0.4, 0, ANSWER)
    recorder.answered(planned, planned, planned + 0.6, 0, ANSWER)
    recorder.failed(planned, planned, planned + 0.1, FULL)
    assert recorder.ended_in_period == 3
    assert recorder.answered_in_period == 2
    assert recorder.good_in_period == 1


def test_failures_are_counted_by_code_and_reason(
    period: MeasurementPeriod, recorder: Recorder
) -> None:
    planned = period.start
    late = FaceClientError(grpc.StatusCode.DEADLINE_EXCEEDED, "", "it is late")
    for error in (FULL, late, FULL):
        recorder.failed(planned, planned, planned + 0.1, error)
    full = ("RESOURCE_EXHAUSTED", "QUEUE_FULL")
    assert recorder.failures == {full: 2, ("DEADLINE_EXCEEDED", ""): 1}
    assert recorder.messages[full] == "it is full"
    assert not recorder.latencies
    assert len(recorder.failed_latencies) == 3


def test_stages_and_detections_of_each_answer_are_recorded(
    period: MeasurementPeriod, recorder: Recorder
) -> None:
    recorder.answered(period.start, period.start, period.start, 1, ANSWER)
    stages = [recorder.stages[stage][0] for stage in STAGES]
    assert stages == pytest.approx([1e-6, 2e-6, 3e-6, 4e-6, 10e-6])
    assert recorder.detections == [{}, {2: 1}]
