"""Calls on threads that nobody waits for."""

import subprocess
import threading

import pytest

from facewire_server.system.daemon_thread import aside
from tests.server.process import command


def test_what_a_call_returns_and_what_it_raises_comes_back() -> None:
    assert aside(divmod, 7, 2).result(60) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        aside(divmod, 7, 0).result(60)


def test_a_call_that_has_begun_cannot_be_cancelled() -> None:
    ends = threading.Event()
    call = aside(ends.wait, 60)
    assert not call.cancel()
    ends.set()
    assert call.result(60)


def test_a_process_ends_beside_a_call_that_does_not_return() -> None:
    code = (
        "import threading; from facewire_server.system.daemon_thread import aside;"
        " aside(threading.Event().wait)"
    )
    subprocess.run([command()[0], "-c", code], check=True, timeout=60)
