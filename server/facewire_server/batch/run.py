"""A job: finds the photos, has those worked on that are not in the output, and writes rows."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from facewire_server.batch import source as sources
from facewire_server.batch.address import check
from facewire_server.batch.output import Output
from facewire_server.batch.parts import NUMBER, divide, unit_of
from facewire_server.batch.reading import Reader
from facewire_server.batch.row import SCHEMA, TRACE, reasons
from facewire_server.batch.source import Found
from facewire_server.batch.worker import Job
from facewire_server.config import BatchConfig, Mode
from facewire_server.errors import CommandError
from facewire_server.inference.detector import Detector, Options
from facewire_server.inference.network import Network
from facewire_server.inference.runtime import Runtime
from facewire_server.models.files import ModelFiles
from facewire_server.models.source import Source
from facewire_server.system.cpu_quota import available_cores

logger = logging.getLogger("facewire_server.batch")

RATE_SECONDS = 1.0
"""A rate is over so much time at least: results of several workers may come together."""

MOST_KINDS = 10
"""Of files that are left out, which are listed by their suffixes."""


@dataclass(slots=True)
class Progress:
    """What a job has done: `total` photos are to be looked at, `before` were in the output.

    `first` is how many photos the first result had, and when it came.
    """

    total: int
    before: int
    photos: int = 0
    faces: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    started: float = field(default_factory=time.monotonic)
    first: tuple[int, float] | None = None

    @property
    def seconds(self) -> float:
        """How long the job has taken, with the start of Ray and of the workers."""
        return time.monotonic() - self.started

    @property
    def rate(self) -> float | None:
        """Photos a second since the first result; None: nothing came much later than it."""
        if self.first is None or self.photos == self.first[0]:
            return None
        photos, since = self.first
        passed = time.monotonic() - since
        return None if passed < RATE_SECONDS else (self.photos - photos) / passed

    def add(self, rows: pa.Table) -> None:
        """Count rows."""
        self.first = self.first or (rows.num_rows, time.monotonic())
        self.photos += rows.num_rows
        self.faces += pc.sum(pc.list_value_length(rows["boxes"])).as_py() or 0
        self.errors.update(reasons(rows["error"].drop_null().to_pylist()))


Report = Callable[[Progress], None]
"""Called when there is something to tell."""


def run(source: str, output: str, config: BatchConfig, report: Report) -> Progress:
    """Look at all photos of `source` that are not in the folder `output` yet.

    Returns when each photo has a row. Raises CommandError, ModelError, and whatever `report`
    or a handler of signals raises; rows that are there are written before.
    """
    if config.ray is not None:
        check(config.ray)
    model = Source.find(config.model, precision=config.precision, cache=config.cache)
    files = model.read()
    gflops = Network(files, model.sidecar.input_size).cost.gflops
    found = sources.find(source, config.column, output)
    _tell(found)
    folder = Output.open(output, _about(config, model, files))
    try:
        if config.retry_errors and (forgotten := folder.forget_errors()):
            logger.info("%d photos had an error and are looked at again", forgotten)
        items = found.without(folder.done()["source"])
        progress = Progress(items.num_rows, found.items.num_rows - items.num_rows)
        if items.num_rows:
            job = _job(config, model, files, found, unit_of(gflops, config.cores_per_worker))
            _work(items, job, config, folder, partial(report, progress), progress)
    finally:
        folder.release()
    return progress


def _tell(found: Found) -> None:
    if found.skipped:
        most = found.skipped.most_common(MOST_KINDS)
        listed = ", ".join(f"{count} {suffix or 'without suffix'}" for suffix, count in most)
        files = found.skipped.total()
        logger.info("left out as no photos by their names: %d files (%s)", files, listed)
    if found.repeats:
        logger.info("%d photos were named more than once", found.repeats)


def _about(config: BatchConfig, model: Source, files: ModelFiles) -> dict[str, Any]:
    """What rows depend on, in values of JSON."""
    names = (
        *("min_confidence", "iou_threshold", "max_detections", "tiles", "inference_precision"),
        "scaled_decode",
    )
    return {
        "model": model.name,
        "weights": files.sha256,
        "settings": dict(model.sidecar.metadata),
        **{name: getattr(config, name) for name in names},
    }


def _job(config: BatchConfig, model: Source, files: ModelFiles, found: Found, unit: int) -> Job:
    cores, served = config.cores_per_worker, config.served
    # One request at a time on a worker's cores. Pinned, the threads of all workers of a node
    # would be on the same cores: OpenVINO takes the first ones.
    runtime = replace(Runtime.from_config(served), mode=Mode.LATENCY, threads=cores, pinned=False)
    return Job(
        load=partial(Detector, model, runtime, files),
        options=Options(config.min_confidence, config.iou_threshold, config.max_detections),
        limits=served.image_limits,
        reader=Reader(found.store, found.column, config.max_file_bytes),
        unit=unit,
        reducible=config.scaled_decode,
    )


def _work(
    items: pa.Table,
    job: Job,
    config: BatchConfig,
    folder: Output,
    report: Callable[[], None],
    progress: Progress,
) -> None:
    # Imported late: it takes seconds, and there may be nothing to do.
    from facewire_server.batch.cluster import joined
    from facewire_server.batch.work import work, workers

    far = not job.reader.store.is_local
    with joined(config.ray, available_cores()):
        report()
        parts = divide(items, job.unit, workers(config.cores_per_worker), far=far)
        with closing(work(job, parts, config.cores_per_worker)) as tables, _written(folder):
            for rows in _once(tables, items.num_rows):
                _log_traces(rows)
                folder.add(rows.select(SCHEMA.names))
                progress.add(rows)
                report()


@contextmanager
def _written(folder: Output) -> Iterator[None]:
    """Write what is left, whatever ends the work."""
    try:
        yield
    finally:
        folder.flush()


def _once(tables: Iterable[pa.Table], total: int) -> Iterator[pa.Table]:
    """Yield the rows of tables, each work item once: Ray repeats work after a node's death.

    Raises CommandError at the end if one of the `total` items has no row.
    """
    seen = np.zeros(total, dtype=bool)
    for table in tables:
        numbers = table[NUMBER].to_numpy()
        is_new = ~seen[numbers]
        seen[numbers] = True
        if is_new.any():
            yield table if is_new.all() else table.filter(pa.array(is_new))
    if missing := total - int(seen.sum()):
        raise CommandError(f"{missing} photos have no row: the same command goes on with them")


def _log_traces(rows: pa.Table) -> None:
    for row in rows.filter(pc.is_valid(rows[TRACE])).to_pylist():
        logger.error("%s: %s\n%s", row["source"], row["error"], row[TRACE])
