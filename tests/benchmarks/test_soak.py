"""A short soak: every request of a mixed load is accounted for."""

import asyncio
from pathlib import Path

import pytest

from benchmarks.harness.server import Server
from benchmarks.soak.__main__ import ARGUMENTS, soak


def test_every_request_has_its_outcome_and_nothing_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = Server(tmp_path / "log", *ARGUMENTS)
    try:
        problems = asyncio.run(soak(server, 8))
    finally:
        assert server.stop() == 0
    # In so short a time what the process holds says nothing yet.
    held = ("memory_mb", "threads", "fds")
    assert [each for each in problems if not each.startswith(held)] == []
    assert server.logged_errors() == []
    assert "good photos" in capsys.readouterr().out
