"""Work for schedulers under test, made of any function."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from facewire_server.scheduling.job import Checkpoint

T = TypeVar("T")


@dataclass(slots=True)
class Task(Generic[T]):
    """What a job runs. See scheduling.job.Work."""

    run: Callable[[Checkpoint], T]
    kind: str = "a"
    size: int = 0
