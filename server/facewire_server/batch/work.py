"""The work itself: Ray Data gives parts to workers, as many as the cluster has cores for.

Rule: Ray does not see a photo. What it moves are work items and rows.
"""

import logging
from collections.abc import Callable, Generator, Iterable
from contextlib import closing, suppress
from typing import Any, cast

import pyarrow as pa
import ray
import ray.data
from ray.data._internal.execution import streaming_executor_state
from ray.exceptions import RayError

from facewire_server.batch.ledger import Ledger
from facewire_server.batch.notes import ClusterNotes
from facewire_server.batch.store import short_message
from facewire_server.batch.stream import decode, encode
from facewire_server.batch.worker import FAILURE, PART, ROWS, TRACE, Job, RemoteWorker
from facewire_server.errors import CommandError

logger = logging.getLogger("facewire_server.batch")

LOOK_SECONDS = 0.5
"""How long Ray Data waits for results between two looks at what there is to do. It has no
setting for this; a worker has the next part before it has done one."""


def workers(cores: int) -> int:
    """Return how many workers of so many cores fit into the cluster now.

    Raises CommandError when none of its nodes has as many.
    """
    listed = cast(Callable[[], list[dict[str, Any]]], ray.nodes)()
    nodes = [int(each["Resources"].get("CPU", 0)) for each in listed if each["Alive"]]
    fitting = sum(each // cores for each in nodes)
    if not fitting:
        most = max(nodes, default=0)
        raise CommandError(f"--cores-per-worker {cores}: no node of the cluster has over {most}")
    return fitting


def work(job: Job, parts: Iterable[pa.Table], cores: int) -> Generator[pa.Table]:
    """Yield the rows of all parts as they come, by workers of so many cores each.

    A row may come again when a node has died. Raises CommandError when the work cannot go on.
    """
    _set_up()
    notes = ClusterNotes(ray.get_runtime_context().get_job_id())
    results = _dataset(parts).map_batches(
        RemoteWorker,
        batch_size=None,
        batch_format="pyarrow",
        fn_constructor_args=(ray.put(job), Ledger(notes)),
        num_cpus=cores,
        # Without a largest size: nodes may join.
        compute=ray.data.ActorPoolStrategy(min_size=1, initial_size=workers(cores)),
    )
    try:
        batches = results.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0)
        # Closed here: when it is collected after the end of Ray, it starts another.
        with closing(cast(Generator[Any], iter(batches))) as tables:
            for table in tables:
                for result in table.to_pylist():
                    yield rows_of(result)
    except RayError as error:
        raise CommandError(f"the work cannot go on: {_cause(error)}") from error
    finally:
        with suppress(RayError):
            notes.clear()


def _dataset(parts: Iterable[pa.Table]) -> ray.data.Dataset:
    # As items: for tables Ray Data starts two more processes, to ask for their schemas.
    items = [{PART: encode(part)} for part in parts]
    return ray.data.from_items(items, override_num_blocks=len(items))


def _set_up() -> None:
    # At its ten looks a second, those that find nothing to do take 2 % of a core more.
    streaming_executor_state.WAIT_FOR_TASK_COMPLETION_TIMEOUT_S = LOOK_SECONDS
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    # So that each unit is handed over when it is done, instead of many of them together.
    context.target_max_block_size = 1
    # It names errors that Ray overcomes; those that end the job are raised.
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)


def rows_of(result: dict[str, object]) -> pa.Table:
    """Return the rows in what a worker yields. Raises CommandError when it cannot work."""
    if result[FAILURE] is not None:
        if result[TRACE] is not None:
            logger.error("a worker cannot start:\n%s", result[TRACE])
        raise CommandError(str(result[FAILURE]))
    rows = result[ROWS]
    assert isinstance(rows, bytes)
    return decode(rows)


def _cause(error: Exception) -> str:
    """Return the last line of an error of Ray's, which ends with what happened on a node."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return short_message(Exception(lines[-1] if lines else type(error).__name__))
