"""Daemon threads for calls that may never return.

Threads of a `ThreadPoolExecutor` do not fit: Python joins them at exit, and one read
that hangs (a dead network drive, a pipe without a writer) would keep the process alive.
"""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def run_in_daemon_thread(
    call: Callable[Arguments, Result],
    *arguments: Arguments.args,
    **named: Arguments.kwargs,
) -> Future[Result]:
    """Start a call on a new daemon thread; its future cannot be cancelled."""
    future: Future[Result] = Future()
    # Marks the future as running: from here on `cancel` returns False.
    future.set_running_or_notify_cancel()

    def run() -> None:
        with _errors_into(future):
            future.set_result(call(*arguments, **named))

    Thread(target=run, name="facewire-daemon", daemon=True).start()
    return future


class _errors_into:
    """Sets any error raised inside, SystemExit too, on a future: its reader must not hang."""

    def __init__(self, future: Future[Any]) -> None:
        self._future = future

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if error is not None:
            self._future.set_exception(error)
        return True
