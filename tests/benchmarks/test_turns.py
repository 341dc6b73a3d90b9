"""Those that take turns run one at a time."""

import multiprocessing
import time
from contextlib import closing
from typing import Any

import psutil
import pytest

from benchmarks.harness.turns import Mark, Result, take_turns


def test_a_rate_is_that_of_the_line_through_points() -> None:
    points = [
        Mark(done, 10 + done / 100 + off, {"command": 4.9 + 5e-4 * done, "workers": 15e-3 * done})
        # Of points that come early and late alike, the line is in the middle.
        for done in range(200, 1001, 100)
        for off in (-0.3, 0.3)
    ]
    found = Result.through(points)
    assert found.rate == pytest.approx(100)
    assert found.cpu_ms == pytest.approx({"command": 0.5, "workers": 15.0})
    assert found.cpu_all == pytest.approx(15.5)


class Counting:
    """A process that counts, and never stops by itself."""

    def __init__(self) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._count = spawn.Value("q", 0)
        self._process = spawn.Process(target=_count, args=(self._count,), daemon=True)
        self._process.start()

    @property
    def done(self) -> int:
        return int(self._count.value)

    @property
    def pids(self) -> list[int]:
        assert self._process.pid is not None
        return [self._process.pid]

    def close(self) -> None:
        self._process.kill()
        self._process.join()


def _count(count: Any) -> None:
    while True:
        time.sleep(0.001)
        count.value += 1


def test_one_side_runs_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    sides = {"one": Counting(), "other": Counting()}
    stopped: list[bool] = []

    def watch(seconds: float) -> None:
        for _ in range(1000):  # a process that sleeps stops when it gets a core
            states = [psutil.Process(side.pids[0]).status() for side in sides.values()]
            if states.count(psutil.STATUS_STOPPED) == 1:
                break
            sleep(0.01)
        stopped.append(states.count(psutil.STATUS_STOPPED) == 1)
        sleep(seconds)

    sleep = time.sleep
    with closing(sides["one"]), closing(sides["other"]):
        while not all(side.done for side in sides.values()):
            sleep(0.05)
        monkeypatch.setattr("time.sleep", watch)
        found = take_turns(
            sides, 3, 0.3, lambda pid: {"all": sum(psutil.Process(pid).cpu_times()[:2])}
        )
        assert all(result.rate > 0 for result in found.values())
        for side in sides.values():  # and both go on after it
            assert psutil.Process(side.pids[0]).status() != psutil.STATUS_STOPPED
    assert stopped == [True] * 6
