"""Processes of the server that are killed under load, and callers that try again."""

import asyncio
from pathlib import Path

import pytest

from benchmarks.harness.server import Server
from benchmarks.soak.faults import FAULTS, Fault, kills


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: str(fault.name))
def test_a_kill_costs_no_wrong_answer_and_only_calls_in_flight(
    fault: Fault, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = Server(tmp_path / "log", "--workers", str(fault.workers))
    try:
        problems = asyncio.run(kills(server, fault, times=1, callers=4, seconds=1))
    finally:
        assert server.stop() == 0
    assert problems == []
    name, answered, *_ = capsys.readouterr().out.splitlines()[2].strip("| ").split(" | ")
    assert name == fault.name
    assert int(answered) > 0
