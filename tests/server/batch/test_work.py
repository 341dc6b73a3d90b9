"""The work ends Ray Data's own before it ends itself, and says in one line why it cannot go on."""

from collections.abc import Iterator
from typing import Any
from unittest.mock import MagicMock

import pyarrow as pa
import pytest
from ray.data._internal.execution import streaming_executor_state
from ray.exceptions import RayError

from facewire_server.batch import work as module
from facewire_server.batch.row import Rows, table_of
from facewire_server.batch.stream import encode
from facewire_server.batch.worker import RESULT
from facewire_server.errors import CommandError
from facewire_server.image.limits import ImageLimits
from facewire_server.inference.detector import Options
from tests.server.batch.test_row import Fake


class FakeData:
    """What iterates over results in place of Ray Data."""

    def __init__(self, *results: dict[str, Any] | Exception) -> None:
        self._results = results
        self.is_open = False

    def iter_batches(self, **_: Any) -> Iterator[pa.Table]:
        """Yield or raise the results."""
        self.is_open = True
        try:
            for each in self._results:
                if isinstance(each, Exception):
                    raise each
                yield pa.Table.from_pylist([each], RESULT)
        finally:
            self.is_open = False


@pytest.fixture
def fake_ray(monkeypatch: pytest.MonkeyPatch) -> MagicMock:
    """Ray with one node of two cores, and one that has left."""
    fake = MagicMock()
    fake.nodes.return_value = [
        {"Alive": True, "Resources": {"CPU": 2.0}},
        {"Alive": True, "Resources": {}},
        {"Alive": False, "Resources": {"CPU": 64.0}},
    ]
    monkeypatch.setattr(module, "ray", fake)
    monkeypatch.setattr(module, "ClusterNotes", MagicMock())
    return fake


def good(number: int) -> dict[str, Any]:
    rows = Rows(Fake(), Options(max_detections=3), ImageLimits(1000))
    return {"rows": encode(table_of([rows.of(number, "a", lambda: b"")]))}


def work(fake_ray: MagicMock, data: FakeData) -> Iterator[pa.Table]:
    fake_ray.data.from_items.return_value.map_batches.return_value = data
    return module.work(MagicMock(), [], 1)


def test_rows_are_handed_over_as_they_come(fake_ray: MagicMock) -> None:
    data = FakeData(good(0), good(1))
    tables = work(fake_ray, data)
    assert next(tables)["number"].to_pylist() == [0]
    assert data.is_open
    assert [table["number"].to_pylist() for table in tables] == [[1]]
    assert not data.is_open


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ({"failure": "a worker cannot start"}, "a worker cannot start"),
        (RayError("task failed\n\nModuleNotFoundError: x"), "cannot go on: ModuleNotFoundError: x"),
    ],
)
def test_a_failure_ends_all_with_one_line(
    fake_ray: MagicMock, result: dict[str, Any] | Exception, message: str
) -> None:
    data = FakeData(good(0), result)
    tables = work(fake_ray, data)
    next(tables)
    with pytest.raises(CommandError, match=message) as raised:
        next(tables)
    assert not data.is_open, raised


@pytest.mark.usefixtures("fake_ray")
def test_there_are_as_many_workers_as_whole_ones_fit_into_nodes() -> None:
    assert [module.workers(cores) for cores in (1, 2)] == [2, 1]
    with pytest.raises(CommandError, match="no node of the cluster has over 2"):
        module.workers(3)


def test_ray_data_waits_as_long_as_it_is_told(fake_ray: MagicMock) -> None:
    list(work(fake_ray, FakeData()))
    waits = streaming_executor_state.process_completed_tasks
    assert "WAIT_FOR_TASK_COMPLETION_TIMEOUT_S" in waits.__code__.co_names
    seconds = waits.__globals__["WAIT_FOR_TASK_COMPLETION_TIMEOUT_S"]
    assert seconds == module.LOOK_SECONDS
