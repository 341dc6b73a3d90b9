"""What a worker says that cannot start."""

import signal
from collections.abc import Coroutine, Iterator
from multiprocessing import Pipe
from typing import Any

import pytest

from facewire_server.config import Config
from facewire_server.workers.worker import Failed, work


@pytest.fixture
def _own_signals() -> Iterator[None]:
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_own_signals")
def test_an_error_that_nobody_foresaw_reaches_the_supervisor_in_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(main: Coroutine[Any, Any, None]) -> None:
        main.close()
        raise FileNotFoundError(2, "No such file or directory", "/nowhere")

    monkeypatch.setattr("uvloop.run", fail)
    supervisor, its = Pipe()
    with supervisor, its:
        with pytest.raises(SystemExit, match="1"):
            work(Config(), 0, False, lambda fields: None, its)
        assert supervisor.poll(30)
        assert supervisor.recv() == Failed("/nowhere: No such file or directory")
