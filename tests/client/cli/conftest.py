"""A runner of commands against a real server."""

from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from facewire_client.cli.root import root
from facewire_server.lifecycle.background import BackgroundServer

Run = Callable[..., Result]


@pytest.fixture
def run(real: BackgroundServer) -> Run:
    """Run a command against the real server, which the environment names."""

    def invoke(*arguments: str, stdin: bytes | None = None) -> Result:
        environment = {"FACEWIRE_SERVER": real.target}
        return CliRunner().invoke(root, arguments, env=environment, input=stdin)

    return invoke
