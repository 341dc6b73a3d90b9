"""One piece of work, from its admission to its outcome."""

import asyncio
import time
from collections.abc import Callable, Hashable
from concurrent.futures import CancelledError
from contextlib import suppress
from types import TracebackType
from typing import Generic, Literal, Protocol, Self, TypeVar

from facewire_server.errors import Reason, RefusalError
from facewire_server.tracebacks import detach

T = TypeVar("T")

Commit = Callable[[], bool]
"""To be called by work right before its costly part; it raises when nobody waits for
the outcome any more, and answers whether nothing else is worked on."""

Kind = str | Callable[[], str]
"""What groups work of like duration, or what says so of work that may be replaced by
other work until it begins. It must not fail."""


def always_alone() -> bool:
    """A Commit for work beside which there is none."""
    return True


def never_alone() -> bool:
    """A Commit for work that nobody schedules."""
    return False


class Scheduling(Protocol):
    """What a turn asks of its scheduler while it is worked on."""

    def committed(self, kind: str) -> bool:
        """Takes note, and answers whether nothing else is worked on."""


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


class Turn(Generic[T]):
    """Work that waits, is worked on, or is done. Made on an event loop's thread.

    `kind`, `client`, `deadline` and `patient` are those of Scheduler.run.
    """

    def __init__(
        self,
        work: Callable[[Commit], T],
        scheduler: Scheduling,
        *,
        kind: Kind,
        client: Hashable,
        deadline: float | None,
        patient: bool,
    ) -> None:
        self._work = work
        self._scheduler = scheduler
        self._kind = kind
        self.client = client
        self.deadline = deadline
        self.patient = patient
        self.committed = False
        """Whether it came to the costly part."""
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
        error = self.too_late(time.monotonic())
        if error is not None:
            raise error
        self.committed = True
        self.was_alone = self._scheduler.committed(self.kind)
        return self.was_alone
