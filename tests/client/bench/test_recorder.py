"""What is counted, and where."""

import grpc
import pytest

from facewire_client.bench.method import STAGES, Answer
from facewire_client.bench.recorder import Recorder
from facewire_client.bench.window import Window
from facewire_client.errors import FaceClientError

FULL = FaceClientError(grpc.StatusCode.RESOURCE_EXHAUSTED, "QUEUE_FULL", "it is full")
ANSWER = Answer(2, dict(zip(STAGES, (1e-6, 2e-6, 3e-6, 4e-6, 10e-6), strict=True)))


@pytest.fixture
def window() -> Window:
    return Window(warmup=1.0, duration=2.0)


@pytest.fixture
def recorder(window: Window) -> Recorder:
    return Recorder(window, images=2, deadline=0.5)


def test_latency_counts_from_the_planned_time(window: Window, recorder: Recorder) -> None:
    planned = window.opens
    recorder.answered(planned, planned + 0.25, planned + 0.75, 0, ANSWER)
    assert recorder.latencies[0] == pytest.approx(0.75)
    assert recorder.lags[0] == pytest.approx(0.25)


def test_the_warm_up_is_no_sample_but_its_answers_in_the_window_make_the_rate(
    window: Window, recorder: Recorder
) -> None:
    planned = window.opens - 0.1
    recorder.came_due(planned)
    recorder.answered(planned, planned, window.opens - 0.01, 0, ANSWER)
    assert recorder.answered_in_window == 0
    recorder.came_due(planned)
    recorder.answered(planned, planned, window.opens + 0.01, 0, ANSWER)
    assert list(recorder.answered_at) == [window.opens + 0.01]
    assert recorder.answered_in_window == 1
    assert recorder.planned == 0
    assert not recorder.latencies


def test_an_answer_after_the_window_is_a_sample_but_no_part_of_the_rate(
    window: Window, recorder: Recorder
) -> None:
    planned = window.closes - 0.1
    recorder.answered(planned, planned, window.closes + 0.1, 0, ANSWER)
    assert recorder.answered_in_window == 0
    assert len(recorder.latencies) == 1


def test_only_answers_in_time_are_good(window: Window, recorder: Recorder) -> None:
    planned = window.opens
    recorder.answered(planned, planned, planned + 0.4, 0, ANSWER)
    recorder.answered(planned, planned, planned + 0.6, 0, ANSWER)
    recorder.failed(planned, planned, planned + 0.1, FULL)
    assert recorder.ended_in_window == 3
    assert recorder.answered_in_window == 2
    assert recorder.good_in_window == 1


def test_failures_are_counted_by_code_and_reason(window: Window, recorder: Recorder) -> None:
    planned = window.opens
    late = FaceClientError(grpc.StatusCode.DEADLINE_EXCEEDED, "", "it is late")
    for error in (FULL, late, FULL):
        recorder.failed(planned, planned, planned + 0.1, error)
    full = ("RESOURCE_EXHAUSTED", "QUEUE_FULL")
    assert recorder.failures == {full: 2, ("DEADLINE_EXCEEDED", ""): 1}
    assert recorder.messages[full] == "it is full"
    assert not recorder.latencies
    assert len(recorder.failed_latencies) == 3


def test_stages_and_detections_are_noted_of_each_answer(window: Window, recorder: Recorder) -> None:
    recorder.answered(window.opens, window.opens, window.opens, 1, ANSWER)
    stages = [recorder.stages[stage][0] for stage in STAGES]
    assert stages == pytest.approx([1e-6, 2e-6, 3e-6, 4e-6, 10e-6])
    assert recorder.detections == [{}, {2: 1}]
