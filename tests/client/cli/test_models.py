"""`facewire models` against a real server."""

import json

from tests.client.cli.conftest import Run


def test_the_models_are_listed(run: Run) -> None:
    result = run("models")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[1].startswith("face-detection-nano")
    (model,) = json.loads(run("models", "--json").stdout)
    assert model["is_default"]
