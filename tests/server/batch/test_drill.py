"""A job whose node is killed half-way, by the program that `scripts/batch-cluster` runs."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="needs the extra ray")
ROOT = Path(__file__).parents[3]


def test_a_job_whose_node_is_killed_half_way_has_the_rows_of_a_plain_loop() -> None:
    program = [sys.executable, "-m", "tests.server.batch.drill", "--photos", "120", "--no-command"]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    killed, rows, again = (done.stdout.find(each) for each in ("killed at", "120 rows", "no new"))
    assert 0 <= killed < rows < again
