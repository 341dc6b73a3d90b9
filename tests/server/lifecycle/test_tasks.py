"""Background tasks: none of them ends unnoticed."""

import asyncio
import logging
import threading

import pytest

from facewire_server.config import Config
from facewire_server.lifecycle import tasks
from facewire_server.lifecycle.background import BackgroundServer
from facewire_server.lifecycle.tasks import BackgroundTasks
from facewire_server.lifecycle.watchdog import Watchdog

FAILED = "reading failed and begins again in 0 s"


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "FIRST_PAUSE", 0.0)


def count_starts(*outcomes: type[BaseException] | None) -> int:
    """How often a task starts that raises these one after the other; None: it returns."""
    left = list(outcomes)

    async def read() -> None:
        outcome = left.pop(0)
        if outcome is not None:
            raise outcome

    async def main() -> None:
        await asyncio.wait_for(BackgroundTasks().start("reading", read), 60)

    asyncio.run(main())
    return len(outcomes) - len(left)


@pytest.mark.parametrize("error", [ValueError, asyncio.CancelledError])
def test_a_task_that_fails_is_logged_and_started_again(
    caplog: pytest.LogCaptureFixture, error: type[BaseException]
) -> None:
    assert count_starts(error, error, None) == 3
    first, second = caplog.records
    assert first.levelno == second.levelno == logging.ERROR
    assert first.getMessage() == FAILED
    assert first.exc_info is not None
    assert first.exc_info[0] is error


def test_a_task_that_returns_is_done() -> None:
    assert count_starts(None, ValueError) == 1


def test_cancelled_tasks_end(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        background = BackgroundTasks()
        waiting = asyncio.Event()

        async def wait() -> None:
            waiting.set()
            await asyncio.Event().wait()

        task = background.start("waiting", wait)
        await waiting.wait()
        background.cancel()
        done, _ = await asyncio.wait((task,), timeout=60)
        assert done
        assert task.cancelled()

    asyncio.run(main())
    assert not caplog.records


def test_the_pauses_double_up_to_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "FIRST_PAUSE", 1.0)
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    count_starts(*[ValueError] * 8, None)
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]


def test_a_watchdog_that_fails_is_started_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    checks: list[float] = []
    again = threading.Event()

    def fail(_: Watchdog, now: float) -> None:
        checks.append(now)
        if len(checks) > 1:
            again.set()
        raise ValueError("a fault of ours")

    monkeypatch.setattr(Watchdog, "check", fail)
    with BackgroundServer(Config(port=0, metrics_port=None)):
        assert again.wait(60)
    assert "watching for stalls failed" in caplog.text
