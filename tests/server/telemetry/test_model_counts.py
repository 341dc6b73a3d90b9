"""What a model has done: sums over methods, of this model only."""

import pytest

from facewire_server.telemetry.metrics import Metrics


def test_requests_of_all_methods_are_summed_by_how_they_ended() -> None:
    metrics = Metrics()
    metrics.finished("Detect", "one", "OK", 0.5)
    metrics.finished("ModelInfer", "one", "OK", 0.25)
    metrics.finished("ModelInfer", "one", "INVALID_ARGUMENT", 0.125)
    metrics.finished("ModelInfer", "other", "OK", 9.0)
    metrics.checkpoint_passed("one")
    counts = metrics.statistics(["one", "new"])
    one, new = counts["one"], counts["new"]
    assert (one.success.count, one.fail.count, one.executions) == (2, 1, 1)
    assert one.success.seconds == pytest.approx(0.75)
    assert one.fail.seconds == pytest.approx(0.125)
    assert (new.success.count, new.last, new.stages["queue"].count) == (0, 0.0, 0)
