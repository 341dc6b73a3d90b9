"""What an operator may choose of OpenVINO, and what was really chosen."""

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from numpy.typing import NDArray

from facewire_server.config import Mode
from facewire_server.errors import ModelError
from facewire_server.image.decode import EncodedImage
from facewire_server.image.limits import ImageLimits
from facewire_server.inference.detector import Detector, Options
from facewire_server.inference.runtime import Runtime
from facewire_server.models.source import EMBEDDED, Source
from facewire_server.system.cpu_quota import available_cores

LIMITS = ImageLimits(1_000_000)


def load(runtime: Runtime) -> Detector:
    return Detector(Source.find(EMBEDDED), runtime)


@pytest.mark.parametrize("device", ["CPU", "AUTO", "MULTI:CPU"])
def test_the_precision_asked_for_is_the_one_that_runs(device: str) -> None:
    description = load(Runtime(device=device, inference_precision="f32")).description
    assert description.precision == "FP32"
    assert description.device == "CPU"


def test_a_property_reaches_the_device() -> None:
    assert load(Runtime(properties={"NUM_STREAMS": "1"})).parallel == 1


def test_a_property_that_the_device_does_not_know_is_refused_by_name() -> None:
    with pytest.raises(ModelError, match="NOT_A_PROPERTY"):
        load(Runtime(properties={"NOT_A_PROPERTY": "1"}))


def test_threads_and_their_pinning_are_as_asked_for() -> None:
    """In another process, since both hold for all models of a process."""
    code = (
        "from facewire_server.inference.detector import Detector;"
        " from facewire_server.inference.runtime import Runtime;"
        " from facewire_server.models.source import EMBEDDED, Source;"
        " runtime = Runtime(threads=1, pinned=False);"
        " compiled = Detector(Source.find(EMBEDDED), runtime)._engine._compiled;"
        " print(*map(compiled.get_property, ('INFERENCE_NUM_THREADS', 'ENABLE_CPU_PINNING')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout == "1 False\n"


def test_a_compiled_network_is_kept_and_found_again(tmp_path: Path) -> None:
    def kept() -> list[Path]:
        return sorted(path for path in tmp_path.rglob("*") if path.is_file())

    first = load(Runtime(cache=tmp_path)).description
    files = kept()
    assert files
    written = [path.stat().st_mtime_ns for path in files]
    assert load(Runtime(cache=tmp_path)).description == first
    assert kept() == files
    assert [path.stat().st_mtime_ns for path in files] == written


def test_a_cache_that_cannot_be_written_only_costs_time(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    description = load(Runtime(cache=blocked)).description
    assert description.name == EMBEDDED


def parallel(mode: Mode) -> int:
    return load(Runtime(mode=mode)).parallel


def test_the_mode_decides_how_many_requests_run_side_by_side() -> None:
    assert parallel(Mode.LATENCY) == 1
    assert parallel(Mode.ADAPTIVE) == parallel(Mode.THROUGHPUT) <= available_cores()


def test_the_same_boxes_are_found_exclusively_and_beside_others(photo: bytes) -> None:
    detector = load(Runtime(mode=Mode.ADAPTIVE))

    def boxes(*, exclusive: bool) -> NDArray[np.float32]:
        options = Options(min_confidence=0.1)
        image = EncodedImage(photo)
        found = detector.detect(image, options, LIMITS, lambda: exclusive)
        return found.found.boxes

    expected = boxes(exclusive=False)
    assert len(expected)
    for exclusive in (True, False, True):
        np.testing.assert_allclose(boxes(exclusive=exclusive), expected, atol=0.01)


def test_two_that_believe_to_be_exclusive_do_not_disturb_each_other(photo: bytes) -> None:
    detector = load(Runtime(mode=Mode.ADAPTIVE))

    def boxes(_: int) -> list[list[float]]:
        image = EncodedImage(photo)
        found = detector.detect(image, Options(), LIMITS, lambda: True)
        return [[round(value) for value in box] for box in found.found.boxes.tolist()]

    with ThreadPoolExecutor(4) as threads:
        assert len({str(found) for found in threads.map(boxes, range(40))}) == 1


def test_the_checkpoint_is_passed_when_the_device_is_free_and_not_before(photo: bytes) -> None:
    detector = load(Runtime(mode=Mode.LATENCY))
    holds, go_on, passed = Event(), Event(), Event()

    def hold() -> bool:
        holds.set()
        return go_on.wait(60)

    def note() -> bool:
        passed.set()
        return False

    def detect(checkpoint: Callable[[], bool]) -> None:
        image = EncodedImage(photo)
        detector.detect(image, Options(), LIMITS, checkpoint)

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(detect, hold)
        assert holds.wait(60)
        second = threads.submit(detect, note)
        assert not passed.wait(0.3)
        go_on.set()
        assert passed.wait(60)
        first.result()
        second.result()
