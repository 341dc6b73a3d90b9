"""What an operator may choose of OpenVINO, and what was really chosen."""

from pathlib import Path

import pytest

from facewire_server.detector import Detector
from facewire_server.errors import ModelError
from facewire_server.model.runtime import Runtime
from facewire_server.model.source import EMBEDDED, Source


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
