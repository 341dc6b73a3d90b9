"""The command `serve`, without a server."""

import pytest

from facewire_server.cli import serve as module
from facewire_server.config import Config


@pytest.fixture
def configs(monkeypatch: pytest.MonkeyPatch) -> list[Config]:
    """The configurations that the command would have served with."""
    received: list[Config] = []

    async def note(config: Config, loading: object, announce: object) -> None:
        received.append(config)

    monkeypatch.setattr("facewire_server.lifecycle.run.run", note)
    monkeypatch.setattr(module, "start_loading", lambda config: None)
    return received
