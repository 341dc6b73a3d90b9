"""The worker: an actor of Ray that holds a detector and works on parts of the work items."""

import atexit
import logging
import os
import platform
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from facewire_server.batch.ledger import Ledger
from facewire_server.batch.parts import NUMBER
from facewire_server.batch.reading import Reader
from facewire_server.batch.row import WORKER_DIED, PhotoDetector, Rows, table_of
from facewire_server.batch.stream import decode, encode
from facewire_server.errors import FacewireError
from facewire_server.image.limits import ImageLimits
from facewire_server.inference.detector import Options

logger = logging.getLogger("facewire_server.batch")

PART = "part"
"""The column of what a worker is called with: one part, as `stream.encode` makes it."""

ROWS, FAILURE, TRACE = "rows", "failure", "trace"
RESULT = pa.schema([(ROWS, pa.binary()), (FAILURE, pa.string()), (TRACE, pa.string())])
"""What a worker yields: rows of WORK_SCHEMA as bytes, or why it cannot work at all."""

DIED = "each worker that had it ended there: it crashes, or takes all memory"


@dataclass(frozen=True, slots=True)
class Job:
    """What each worker has to know. `load` loads its detector, and may raise any error."""

    load: Callable[[], PhotoDetector]
    options: Options
    limits: ImageLimits
    reader: Reader
    unit: int
    reducible: bool = True


class Worker:
    """Called by Ray with one part at a time."""

    def __init__(self, job: Any, ledger: Ledger) -> None:
        """`job` refers to a Job in Ray's object store."""
        # Imported here: this module is imported without Ray, too.
        import ray

        self._ledger = ledger
        self._failure: dict[str, list[str | None]] = {}
        try:
            self._job: Job = ray.get(job)
            detector = self._job.load()
        except Exception as error:
            logger.debug("no detector", exc_info=True)
            self._failure = _failure(error)
            return
        known = self._job
        self._rows = Rows(detector, known.options, known.limits, known.reducible)
        self._threads = ThreadPoolExecutor(self._job.reader.threads)

    def __call__(self, batch: pa.Table) -> Iterator[pa.Table]:
        """Yield the rows of a part, a unit at a time, or why this worker cannot work."""
        if self._failure:
            yield pa.table({ROWS: [None], **self._failure}, RESULT)
            return
        rows = []
        (part,) = batch[PART]
        for row in self._work(decode(part.as_py()).to_pylist()):
            rows.append(row)
            if len(rows) == self._job.unit:
                yield _result(rows)
                rows = []
        if rows:
            yield _result(rows)

    def _work(self, items: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        part = items[0][NUMBER]
        is_noted, fatal = self._ledger.begin(part)
        for item, read in self._job.reader.read(items, self._threads):
            number, source = item[NUMBER], item["source"]
            if number in fatal:
                yield self._rows.failed(number, source, WORKER_DIED, DIED)
                continue
            if is_noted:
                self._ledger.note(part, number)
            yield self._rows.of(number, source, read)
        self._ledger.end(part)


class RemoteWorker(Worker):
    """A worker that has a process of Ray's for itself."""

    def __init__(self, job: Any, ledger: Ledger) -> None:
        """As that of Worker."""
        # Ray 2.60 may wait at the very end of a process for a lock that it holds itself: its
        # pending messages then are of no use to anyone, and the process would stay for good.
        atexit.register(os._exit, 0)
        super().__init__(job, ledger)


def _result(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.table({ROWS: [encode(table_of(rows))], FAILURE: [None], TRACE: [None]}, RESULT)


def _failure(error: Exception) -> dict[str, list[str | None]]:
    known = isinstance(error, FacewireError)
    text = str(error) if known else f"{type(error).__name__}: {error}"
    trace = None if known else traceback.format_exc()
    return {FAILURE: [f"a worker on {platform.node()} cannot start: {text}"], TRACE: [trace]}
