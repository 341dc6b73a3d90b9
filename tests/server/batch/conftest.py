"""One local cluster of Ray for all tests of a process that need one."""

import gc
import warnings
from collections.abc import Iterator
from contextlib import nullcontext

import pytest

from facewire_server.cli.batch import LOCAL_VARIABLES, VARIABLES


@pytest.fixture(scope="session")
def _ray() -> Iterator[None]:
    """Ray, with two cores, whatever the machine has."""
    with pytest.MonkeyPatch.context() as patch:
        variables = VARIABLES | LOCAL_VARIABLES | {"RAY_worker_niceness": "0"}
        for name, value in variables.items():
            patch.setenv(name, value)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import ray

            from facewire_server.batch import cluster

            cluster._init("local", num_cpus=2, include_dashboard=False)
        yield
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ray.shutdown()
            # Ray's processes end after the objects for them, which warn of that.
            gc.collect()


@pytest.fixture
def cluster(_ray: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have jobs use the tests' cluster instead of one of their own."""
    monkeypatch.setattr("facewire_server.batch.cluster.joined", lambda *_: nullcontext())
