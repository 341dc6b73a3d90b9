"""A job: work that waits in the queue, runs once on a worker's thread, and completes."""

import asyncio
import time
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, Literal, NamedTuple, Protocol, Self, TypeVar

from facewire_server.errors import Reason, RefusalError, detach

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

Checkpoint = Callable[..., bool]
"""The last point at which a job may be cancelled. Work calls it once, right before its
costly stage; if that comes in parts, before each of them, with the number of parts that are
left. It raises when the caller has gone or the deadline cannot be met any more, and returns
whether the job is exclusive: no other job runs or waits."""


class Group(NamedTuple):
    """Work of similar duration before its checkpoint; if it is in parts, after it, too."""

    kind: str
    magnitude: int
    """The bit length of its size."""
    in_parts: bool

    @property
    def costly(self) -> Hashable:
        """The key of its costly stage: how long that takes depends on the size if it has parts."""
        return ("all parts", self) if self.in_parts else self.kind

    @property
    def part(self) -> Hashable:
        """The key of one part of its costly stage, which may be all of it."""
        return ("part", self.kind) if self.in_parts else self.kind


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """The value that the work returned, and its seconds of waiting for a worker."""

    value: T
    waited: float


class Work(Protocol[T_co]):
    """The work of a job. Its properties may change until it runs, and must not fail."""

    @property
    def kind(self) -> str:
        """Groups work of similar duration after its checkpoint, such as a model's name."""

    @property
    def size(self) -> int:
        """Bytes that are held in memory until it runs."""

    @property
    def in_parts(self) -> bool:
        """Whether its costly stage comes in parts, some or many, each with a checkpoint."""

    def run(self, checkpoint: Checkpoint, /) -> T_co:
        """Do the work, on a worker's thread. What it raises becomes the job's outcome."""


@dataclass(frozen=True, slots=True)
class FixedWork(Generic[T]):
    """Work that does not change while it waits. See Work.

    `early` returns the value if it is known already, else None: who has the work done asks
    it first, and then needs no scheduler. None: there is nothing to ask.
    """

    run: Callable[[Checkpoint], T]
    kind: str
    size: int = 0
    in_parts: bool = False
    early: Callable[[], T | None] | None = None


class _Caught:
    """Catches any error raised inside, so that the worker's thread goes on.

    The error is detached from the frames that it has passed: see errors.detach.
    """

    error: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> Literal[True]:
        if error is not None:
            detach(error)
            self.error = error
        return True


class Job(Generic[T]):
    """One piece of work and its state. Made on the event loop's thread.

    The state belongs to the scheduler, which changes it under its lock. Times are those
    of `time.monotonic`.
    """

    def __init__(
        self, work: Work[T], *, client: Hashable, deadline: float | None, sheddable: bool
    ) -> None:
        """`client`, `deadline` and `sheddable` are those of Scheduler.run."""
        self.work = work
        self.client = client
        self.deadline = deadline
        self.sheddable = sheddable
        self.queued_group = self.group
        """The group when it was put into the queue; the work may change in there."""
        self.queued_size = work.size
        """The bytes that were counted for it when it was put into the queue."""
        self.arrived = time.monotonic()
        self.started = 0.0
        self.began_exclusive = False
        """Whether no other job ran or waited when it started."""
        self.stage_began = 0.0
        """When its present stage began, or the present part of the costly stage."""
        self.passed_at: float | None = None
        """When it passed its first checkpoint; None: it has not."""
        self.exclusive = False
        """The result of its last checkpoint."""
        self.left = 1
        """How many parts of the costly stage were left at its last checkpoint."""
        self.abandoned = False
        """Whether the caller has gone."""
        self._value: T
        self._error: BaseException | None = None
        self._loop = asyncio.get_running_loop()
        self.outcome: asyncio.Future[Outcome[T]] = self._loop.create_future()

    @property
    def group(self) -> Group:
        """The group to which its work belongs now."""
        work = self.work
        return Group(work.kind, work.size.bit_length(), work.in_parts)

    def run(self, checkpoint: Checkpoint) -> None:
        """Run the work on this thread, and keep its value or error until `complete`."""
        with _Caught() as caught:
            self._value = self.work.run(checkpoint)
        self._error = caught.error

    def complete(self) -> None:
        """Have the event loop settle the outcome. May be called on any thread."""
        with suppress(RuntimeError):  # the server has stopped, and its loop is closed
            self._loop.call_soon_threadsafe(self._settle)

    def fail(self, error: BaseException) -> None:
        """Complete with an error instead of running."""
        self._error = error
        self.complete()

    def _settle(self) -> None:
        if self.outcome.done():  # cancelled by the caller meanwhile
            return
        if self._error is not None:
            self.outcome.set_exception(self._error)
        else:
            self.outcome.set_result(Outcome(self._value, self.started - self.arrived))


def too_late(deadline: float | None, finished: float) -> RefusalError | None:
    """Return DEADLINE_UNREACHABLE if `finished` is after the deadline, else None."""
    if deadline is None or finished <= deadline:
        return None
    late = max(1, round((finished - deadline) * 1000))
    return RefusalError(
        Reason.DEADLINE_UNREACHABLE,
        f"the answer would come {late} ms after the deadline",
    )
