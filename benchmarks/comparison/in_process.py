"""The textbook job in a loop without RPC, as a contender."""

import json
import os
import sys
import tempfile
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.comparison.dialect import ScoredBox
from benchmarks.comparison.pace import pace
from benchmarks.comparison.process_group import run
from benchmarks.comparison.result import Cell, MeasureError, Result
from facewire_client.bench.percentiles import spread
from facewire_client.bench.settings import Photo
from facewire_client.result import Box

_PROGRAM = "benchmarks.rivals.in_process"


class InProcess:
    """A program that asks itself, on as many threads as requests are in flight.

    It has no more threads than cores, as nothing else waits for it. OpenVINO's hint is
    latency for one, else throughput.
    """

    name = "in process"

    def __init__(self, job: Sequence[str], photos: dict[str, list[Photo]]) -> None:
        """`job` are the options of the job, without the hint."""
        self._job = job
        self._photos = photos

    def boxes(self, photos: Sequence[Photo]) -> list[list[ScoredBox]]:
        """What it finds in each photo. Raises RuntimeError."""
        found = self._run(photos, "--hint", "throughput", "--seconds", "0")
        return [[ScoredBox(Box(*row[:4]), row[4]) for row in rows] for rows in found["boxes"]]

    def measure(self, cell: Cell, seconds: float, warmup: float) -> Result:
        """Starts it anew. Raises MeasureError."""
        hint = "latency" if cell.concurrency == 1 else "throughput"
        threads = min(cell.concurrency, len(os.sched_getaffinity(0)))
        try:
            found = self._run(
                self._photos[cell.picture],
                *("--hint", hint, "--threads", str(threads)),
                *("--seconds", str(seconds), "--warmup", str(warmup)),
            )
            rate = pace(found["ended"])
        except (RuntimeError, ValueError) as error:
            raise MeasureError(str(error)) from None
        times = spread(array("d", found["latencies"]))
        assert times is not None
        return Result(
            rate=rate,
            p50_ms=times.p50,
            p95_ms=times.p95,
            p99_ms=times.p99,
            cpu_ms=found["cpu_seconds"] / seconds / rate * 1e3,
            memory_mb=found["peak_kb"] / 1000,
        )

    def _run(self, photos: Sequence[Photo], *options: str) -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as folder:
            files = [Path(folder) / f"{number}.jpg" for number in range(len(photos))]
            for file, photo in zip(files, photos, strict=True):
                file.write_bytes(photo.content)
            command = (sys.executable, "-m", _PROGRAM, *self._job, *options)
            found: dict[str, Any] = json.loads(run([*command, *map(str, files)]))
            return found
