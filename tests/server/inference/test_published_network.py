"""The network of a model's own files: when it is compiled, and when it cannot be."""

import gc
import logging
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import numpy as np
import pytest

from facewire_server.inference import engine, published_network
from facewire_server.inference.detector import Detector
from facewire_server.inference.runtime import Runtime
from facewire_server.models.source import Source
from tests.server.constant_model import SIDE, write_constant_model
from tests.server.own_model import change_weights

FACE = (8.0, 8.0, 56.0, 56.0, 0.9, 0)
IMAGE = np.zeros((1, 3, SIDE, SIDE), np.float32)


@pytest.fixture
def detector(tmp_path: Path) -> Detector:
    path = write_constant_model(tmp_path / "m.xml", [FACE], {"labels": "face"})
    return Detector(Source.find(str(path)), Runtime(inference_precision="f32"))


def test_callers_at_a_time_have_it_compiled_once(
    detector: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    compile_network, calls, go_on = engine.compile_network, [], Event()

    def compile_later(*arguments: object) -> object:
        calls.append(arguments)
        assert go_on.wait(60)
        return compile_network(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(published_network, "compile_network", compile_later)
    futures = [detector.published.compiled() for _ in range(9)]
    go_on.set()
    assert all(future.result(60) for future in futures)
    assert detector.published.compiled().result(60)
    assert len(calls) == 1


def test_its_outputs_are_those_of_the_file(detector: Detector) -> None:
    assert detector.published.compiled().result(60)
    boxes, labels = detector.published.infer(IMAGE, lambda: None).arrays
    np.testing.assert_array_equal(boxes, np.array([FACE[:5]], np.float32))
    assert labels.dtype == np.int64
    assert labels.tolist() == [0]


def test_it_runs_beside_no_other_inference(detector: Detector) -> None:
    assert detector.published.compiled().result(60)
    passed = Event()
    with ThreadPoolExecutor(1) as thread:
        with detector._engine.slot() as slot, slot.device:
            running = thread.submit(detector.published.infer, IMAGE, passed.set)
            assert not passed.wait(0.2)
        assert running.result(60).arrays
    assert passed.is_set()


def test_files_that_have_changed_are_not_compiled(
    detector: Detector, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = detector.source.weights.read_bytes()
    change_weights(detector.source.path)
    with caplog.at_level(logging.ERROR):
        assert not detector.published.compiled().result(60)
    assert "its files have changed since it was loaded" in caplog.text
    detector.source.weights.write_bytes(weights)
    # A failure is not tried again for each request, and yet not for ever.
    assert not detector.published.compiled().result(60)
    monkeypatch.setattr(published_network, "RETRY_SECONDS", 0)
    assert detector.published.compiled().result(60)


def test_it_is_let_go_with_the_model(tmp_path: Path) -> None:
    path = write_constant_model(tmp_path / "m.xml", [FACE], {"labels": "face"})
    detector = Detector(Source.find(str(path)), Runtime())
    assert detector.published.compiled().result(60)
    network = weakref.ref(detector.published)
    del detector
    gc.collect()
    assert network() is None
