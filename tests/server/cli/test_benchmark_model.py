"""The description of a model for `facewire bench --limit`."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from facewire_server.cli.benchmark_model import describe
from facewire_server.inference.network import Network
from facewire_server.models.source import EMBEDDED, EMBEDDED_FILE, Source

FILES = Source.find(EMBEDDED).read()
WIDTH, HEIGHT = Network(FILES).input_size
EXPECTED = {
    "path": str(EMBEDDED_FILE),
    "sha256": FILES.sha256,
    "shape": [1, 3, HEIGHT, WIDTH],
}


@pytest.mark.parametrize("model", [EMBEDDED, str(EMBEDDED_FILE)])
def test_a_model_is_described_by_name_or_path(model: str) -> None:
    assert describe(model) == EXPECTED


def test_the_program_prints_one_json_document(tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-m", "facewire_server.cli.benchmark_model", EMBEDDED]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=tmp_path)
    assert json.loads(done.stdout) == EXPECTED
    assert done.stderr == ""


def test_a_model_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "x.xml"
    assert describe(str(path)) == {"error": f"there is no file {path}"}


def test_a_file_that_is_no_network_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "x.onnx"
    path.write_bytes(b"no network")
    assert "cannot be read" in describe(str(path))["error"]


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "facewire_server.inference.network", None)
    assert describe(EMBEDDED) == {"missing": "facewire_server.inference.network"}
