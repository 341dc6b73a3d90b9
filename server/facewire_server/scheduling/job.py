"""One piece of work, from its admission to its outcome."""

import asyncio
import time
from collections.abc import Callable, Hashable
from concurrent.futures import CancelledError
from contextlib import suppress
from types import TracebackType
from typing import Any, Generic, Literal, Protocol, Self, TypeVar

from facewire_server.errors import Reason, RefusalError
from facewire_server.tracebacks import detach

T = TypeVar("T")

Size = int | Callable[[], int]
"""Bytes that are kept until the work begins, or what says so; see Kind."""

Like = tuple[str, int]
"""A kind of work, and the magnitude of what is worked on: powers of two of bytes."""

Checkpoint = Callable[[], bool]
"""To be called by work right before its costly part; it raises when nobody waits for
the outcome any more, and answers whether nothing else is worked on."""

Kind = str | Callable[[], str]
"""What groups work of like duration, or what says so of work that may be replaced by
other work until it begins. It must not fail."""


def always_alone() -> bool:
    """A Checkpoint for work beside which there is none."""
    return True


def never_alone() -> bool:
    """A Checkpoint for work that nobody schedules."""
    return False


class Scheduling(Protocol):
    """What a turn asks of its scheduler while it is worked on."""

    def committed(self, turn: "Job[Any]") -> bool:
        """Takes note, and answers whether nothing else is worked on.

        Raises RefusalError when the deadline cannot be met any more.
        """


class _Caught:
    """Keeps whatever is raised inside: a worker's thread lives on.

    The error keeps nothing of what was worked on.
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
    """Work that waits, is worked on, or is done. Made on an event loop's thread.

    `kind`, `client`, `deadline`, `size` and `patient` are those of Scheduler.run.
    """

    def __init__(
        self,
        work: Callable[[Checkpoint], T],
        scheduler: Scheduling,
        *,
        kind: Kind,
        client: Hashable,
        deadline: float | None,
        size: Size,
        patient: bool,
    ) -> None:
        self._work = work
        self._scheduler = scheduler
        self._kind = kind
        self.client = client
        self.deadline = deadline
        self._size = size
        self.queued_size = self.size
        """How many bytes were kept for it when it was put into the queue."""
        self.queued_like = self.like
        """What it was like then."""
        self.patient = patient
        self.committed = False
        """Whether it came to the costly part."""
        self.checkpoint = 0.0
        """When it came there."""
        self.began_alone = False
        """Whether nothing else was worked on or waited when it began."""
        self.was_alone = False
        """Whether nothing else was worked on then."""
        self.abandoned = False
        """Whether nobody waits for the outcome any more."""
        self.arrived = time.monotonic()
        self.started = 0.0
        self._value: T
        self._error: BaseException | None = None
        self._loop = asyncio.get_running_loop()
        self.outcome: asyncio.Future[T] = self._loop.create_future()

    @property
    def kind(self) -> str:
        """What kind of work it is by now."""
        return self._kind if isinstance(self._kind, str) else self._kind()

    @property
    def size(self) -> int:
        """How many bytes are kept for it by now."""
        return self._size if isinstance(self._size, int) else self._size()

    @property
    def like(self) -> Like:
        """What it is like before its checkpoint, by now."""
        return self.kind, self.size.bit_length()

    @property
    def waited(self) -> float:
        """Seconds from its arrival to its start."""
        return self.started - self.arrived

    def too_late(self, finished: float) -> RefusalError | None:
        """DEADLINE_UNREACHABLE when `finished` is after the deadline."""
        if self.deadline is None or finished <= self.deadline:
            return None
        late = max(1, round((finished - self.deadline) * 1000))
        return RefusalError(
            Reason.DEADLINE_UNREACHABLE,
            f"the answer would come {late} ms after the deadline",
        )

    def work(self) -> None:
        """Does the work on this thread, and keeps the outcome until `tell`."""
        with _Caught() as caught:
            self._value = self._work(self._commit)
        self._error = caught.error

    def tell(self) -> None:
        """Makes what came of the work the outcome, from any thread."""
        if self._error is not None:
            self.fail(self._error)
        else:
            self._tell(lambda: self.outcome.set_result(self._value))

    def fail(self, error: BaseException) -> None:
        """Makes an error the outcome, from any thread."""
        self._tell(lambda: self.outcome.set_exception(error))

    def _tell(self, settle: Callable[[], None]) -> None:
        def unless_cancelled() -> None:
            if not self.outcome.done():
                settle()

        with suppress(RuntimeError):  # the server is gone, and its loop closed
            self._loop.call_soon_threadsafe(unless_cancelled)

    def _commit(self) -> bool:
        if self.abandoned:
            raise CancelledError
        return self._scheduler.committed(self)
