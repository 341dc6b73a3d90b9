"""What one contender did in one cell, once; and where that is put."""

from dataclasses import dataclass

from benchmarks.comparison.models import Model


class MeasureError(Exception):
    """Why a contender could not be measured."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A model, a size of photos, and how many requests are in flight."""

    model: Model
    picture: str
    concurrency: int

    def __str__(self) -> str:
        return f"{self.model.name}, {self.picture}, {self.concurrency} at a time"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Requests a second, times in milliseconds, memory in MB.

    `cpu_ms` is what the contender spends on a request, without the client;
    `memory_mb` the peak of its memory in the measured time. None: it does not tell.
    """

    rate: float
    p50_ms: float
    p95_ms: float | None
    p99_ms: float | None
    cpu_ms: float
    memory_mb: float
