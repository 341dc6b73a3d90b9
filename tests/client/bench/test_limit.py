"""The model and arguments that benchmark_app is run with, and its errors."""

from dataclasses import replace
from pathlib import Path

import pytest

from facewire_client import FaceClient
from facewire_client.bench import limit
from facewire_client.bench.limit import Baseline, LimitError
from facewire_client.bench.load import ClosedLoop, OpenLoop
from facewire_client.bench.settings import Settings
from facewire_client.result import ModelInfo
from facewire_server.lifecycle.background import BackgroundServer
from facewire_server.models.source import DATA, EMBEDDED

SHORT = Settings(load=ClosedLoop(1), warmup=0.0, duration=0.5)
PATH = str(DATA / EMBEDDED / f"{EMBEDDED}.xml")


@pytest.fixture(scope="module")
def served(real: BackgroundServer) -> ModelInfo:
    """The description of the embedded model by a real server."""
    with FaceClient(real.target) as client:
        return client.model()


@pytest.mark.parametrize("model", ["", EMBEDDED, PATH])
def test_the_model_is_found_by_the_servers_name_for_it_or_by_its_path(
    model: str, served: ModelInfo
) -> None:
    assert Baseline.find(model, served, SHORT).path == PATH


@pytest.mark.parametrize(
    ("load", "hint"),
    [
        (ClosedLoop(1), "latency"),
        (ClosedLoop(2), "throughput"),
        (OpenLoop(rate=1.0, seed=1, outstanding=1), "throughput"),
    ],
)
def test_the_hint_suits_the_load(load: ClosedLoop | OpenLoop, hint: str) -> None:
    settings = replace(SHORT, load=load)
    assert Baseline.find(EMBEDDED, None, settings).hint == hint


def test_benchmark_app_is_run_as_the_server_runs_the_model(served: ModelInfo) -> None:
    found = Baseline.find("", served, SHORT).measure(answered=10.0)
    assert found.throughput > 0
    assert found.median_ms > 0
    assert found.ratio == pytest.approx(10.0 / found.throughput)
    options = dict(zip(found.arguments[::2], found.arguments[1::2], strict=True))
    assert options["-m"] == PATH
    width, height = served.input_size
    assert options["-shape"] == f"[1,3,{height},{width}]"
    assert options["-hint"] == "latency"
    assert options["-ip"] == "u8"
    assert options["-d"] == served.device
    precisions = {"f32": "FP32", "f16": "FP16", "bf16": "BF16"}
    assert precisions[options["-infer_precision"]] == served.precision


def test_a_failure_of_benchmark_app_has_its_message(served: ModelInfo) -> None:
    nowhere = replace(served, device="NOWHERE")
    with pytest.raises(LimitError, match="benchmark_app failed: .*NOWHERE"):
        Baseline.find("", nowhere, SHORT).measure(answered=10.0)


def test_other_weights_than_the_servers_are_refused(served: ModelInfo) -> None:
    other = replace(served, sha256=64 * "0", version=12 * "0")
    with pytest.raises(LimitError, match="is not what the server runs"):
        Baseline.find(PATH, other, SHORT)


def test_a_missing_model_is_named(served: ModelInfo, tmp_path: Path) -> None:
    with pytest.raises(LimitError, match="there is no file"):
        Baseline.find(str(tmp_path / "x.xml"), served, SHORT)


def test_a_served_model_without_a_published_name_needs_its_path(
    served: ModelInfo,
) -> None:
    with pytest.raises(LimitError, match="no model 'mine'.*--limit PATH"):
        Baseline.find("", replace(served, name="mine"), SHORT)


def test_the_model_of_a_server_without_getmodel_must_be_named() -> None:
    with pytest.raises(LimitError, match="name that: --limit PATH"):
        Baseline.find("", None, SHORT)


def test_without_openvino_the_error_names_the_command_to_type(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limit, "find_spec", lambda name: None)
    with pytest.raises(LimitError, match=r"pip install 'facewire\[server\]'"):
        Baseline.find(PATH, None, SHORT)


def test_a_missing_package_of_the_server_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limit, "_describe", lambda name: {"missing": "numpy"})
    with pytest.raises(LimitError, match="numpy is not installed; --limit needs"):
        Baseline.find(PATH, None, SHORT)


def test_a_failure_of_the_servers_program_has_its_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limit, "_DESCRIBE", "facewire_server.cli.absent")
    with pytest.raises(LimitError, match="cannot describe the model: .*No module named"):
        Baseline.find(PATH, None, SHORT)
