"""Calls on daemon threads: their outcome, and that the process ends without them."""

import subprocess
import threading

import pytest

from facewire_server.system.daemon_thread import run_in_daemon_thread
from tests.server.process import command


def test_the_future_has_what_the_call_returns_or_raises() -> None:
    assert run_in_daemon_thread(divmod, 7, 2).result(60) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        run_in_daemon_thread(divmod, 7, 0).result(60)


def test_a_call_that_has_begun_cannot_be_cancelled() -> None:
    ends = threading.Event()
    call = run_in_daemon_thread(ends.wait, 60)
    assert not call.cancel()
    ends.set()
    assert call.result(60)


def test_a_process_ends_beside_a_call_that_does_not_return() -> None:
    code = (
        "import threading\n"
        "from facewire_server.system.daemon_thread import run_in_daemon_thread\n"
        "run_in_daemon_thread(threading.Event().wait)"
    )
    subprocess.run([command()[0], "-c", code], check=True, timeout=60)
