"""One local cluster of Ray for all tests of a process that need one."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import nullcontext

import pytest

from facewire_server.cli.batch import VARIABLES


@pytest.fixture(scope="session")
def _ray() -> Iterator[None]:
    """Ray, with two cores, whatever the machine has."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, value in {**VARIABLES, "RAY_worker_niceness": "0"}.items():
            patch.setenv(name, value)
        factory = logging.getLogRecordFactory()
        from facewire_server.batch.cluster import joined

        with joined(None, 2):
            yield
        logging.setLogRecordFactory(factory)


@pytest.fixture
def cluster(_ray: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have jobs use the tests' cluster instead of one of their own."""
    monkeypatch.setattr("facewire_server.batch.cluster.joined", lambda *_: nullcontext())
