"""What `scripts/check-manifests` finds in manifests."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("kubernetes_validate", reason="scripts/check installs kubernetes-validate")

SCRIPT = Path(__file__).parents[2] / "scripts" / "manifests.py"
SCHEMA = {
    "type": "object",
    "properties": {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
        "spec": {"type": "object", "properties": {"size": {"type": "integer"}}},
    },
}
DEFINITION = {
    "kind": "CustomResourceDefinition",
    "spec": {
        "group": "example.org",
        "names": {"kind": "Sized"},
        "versions": [{"name": "v1", "schema": {"openAPIV3Schema": SCHEMA}}],
    },
}


def sized(**spec: object) -> dict[str, Any]:
    return {
        "apiVersion": "example.org/v1",
        "kind": "Sized",
        "metadata": {"name": "x"},
        "spec": spec,
    }


def core(**spec: object) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}, "spec": spec}


@pytest.mark.parametrize(
    ("document", "part"),
    [
        (sized(size=1), None),
        (sized(size="1"), "is not of type 'integer'"),
        (sized(length=1), "'length' was unexpected"),
        ({**sized(), "apiVersion": "example.org/v2"}, "find schema for kind Sized"),
        (core(clusterIP="None"), None),
        (core(clusterIp="None"), "'clusterIp' was unexpected"),
    ],
)
def test_a_mistake_is_found(tmp_path: Path, document: object, part: str | None) -> None:
    manifests, definition = tmp_path / "a.yaml", tmp_path / "b.yaml"
    manifests.write_text(yaml.safe_dump(document))
    definition.write_text(yaml.safe_dump(DEFINITION))
    done = subprocess.run(
        [sys.executable, SCRIPT, manifests, definition],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == (1 if part else 0), done.stderr
    first, *rest = done.stdout.splitlines()
    assert first == f"a: 1 manifests, {len(rest)} mistakes"
    assert len(rest) == (1 if part else 0)
    assert part is None or part in rest[0]
