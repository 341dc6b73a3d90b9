"""What the measurement of `facewire-server batch` makes of its samples."""

import os
import subprocess
import sys

import pytest

from benchmarks.batch import KINDS, cpu, growth, held


def test_growth_is_that_of_all_processes_after_the_first_fifth() -> None:
    steps = range(0, 10_000, 100)
    warming = {at: 300 * at / 2000 if at < 2000 else 300 for at in steps}
    flat = [(at, {"command": warming[at], "workers": 90.0}) for at in steps]
    assert growth(flat) == pytest.approx(0, abs=1e-6)
    leaking = [(at, {**each, "workers": 90 + at / 100}) for at, each in flat]
    assert growth(leaking) == pytest.approx(79)  # from 2000 to 9900


def test_processes_are_told_apart_by_what_they_are() -> None:
    busy = "sum(range(10**7)); print(flush=True); input()"
    command = [sys.executable, "-c", busy, "facewire_server", "batch", "photos"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        used, memory = cpu(os.getpid()), held(os.getpid())
        child.kill()
    assert set(used) == set(memory) == {*KINDS.values(), "others"}
    assert used["command"] > 0.01 and memory["command"] > 1
    assert used["workers"] == memory["workers"] == 0
