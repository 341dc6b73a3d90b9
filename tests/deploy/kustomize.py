"""Build the manifests in deploy/ with kustomize, as `kubectl apply --kustomize` does."""

import os
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml

from tests.deploy.files import DEPLOY


def build(resources: str, *components: str) -> list[Any]:
    """Return the documents of a folder of deploy/, with these of kubernetes/components.

    Skips the test where kustomize is missing.
    """
    kustomize = shutil.which("kustomize", path=DEPLOY.parent / ".tools")
    kustomize = kustomize or shutil.which("kustomize")
    if kustomize is None:
        pytest.skip("kustomize is not here: scripts/tools builds it where there is Go")
    with TemporaryDirectory() as name:
        deploy = os.path.relpath(DEPLOY, Path(name).resolve())
        settings = {
            "resources": [f"{deploy}/{resources}"],
            "components": [f"{deploy}/kubernetes/components/{each}" for each in components],
        }
        (Path(name) / "kustomization.yaml").write_text(yaml.safe_dump(settings))
        built = subprocess.run(
            [kustomize, "build", name], check=True, capture_output=True, timeout=60
        )
    return list(yaml.safe_load_all(built.stdout))


def find(documents: list[Any], kind: str, name: str = "facewire") -> Any:
    """Return the one document of this kind and name."""
    (found,) = (
        each for each in documents if (each["kind"], each["metadata"]["name"]) == (kind, name)
    )
    return found
