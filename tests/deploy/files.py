"""Read the files in deploy/."""

import json
from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).parents[2] / "deploy"


def read_yaml(name: str) -> Any:
    """Return the only document of a YAML file."""
    (document,) = read_all_yaml(name)
    return document


def read_all_yaml(name: str) -> list[Any]:
    """Return all documents of a YAML file."""
    with (DEPLOY / name).open() as file:
        return list(yaml.safe_load_all(file))


def read_json(name: str) -> Any:
    """Return the content of a JSON file."""
    return json.loads((DEPLOY / name).read_text())
