"""What the tracebacks of errors keep alive, and how to let go of it.

Rule: an error that is stored, or that something stored leads to, keeps no request.
Its traceback refers to every frame that it has passed and to the callers of those,
and they to their local variables; where one of these leads back to the error, only
the garbage collector would end that, and it does not count bytes.
"""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from facewire_server.errors import FacewireError


class Trace(Exception):
    """The traceback of an error as text, given to it as its cause for the log."""

    def __str__(self) -> str:
        return f'\n"""\n{self.args[0]}"""'


def detach(error: BaseException) -> None:
    """Take the traceback of an error off, and what led to the error.

    Of an unforeseen error, whose trace will be logged, both stay as text.
    """
    is_unforeseen = isinstance(error, Exception) and not isinstance(error, FacewireError)
    text = "".join(traceback.format_exception(error)) if is_unforeseen else ""
    error.__traceback__ = error.__context__ = None
    error.__cause__ = Trace(text) if is_unforeseen else None


@contextmanager
def released() -> Iterator[None]:
    """Clear the frames behind whatever error leaves the context.

    That is all frames which the error and its causes have passed, but for those that
    still run. Files and lines stay, for the log.
    """
    try:
        yield
    except BaseException as error:
        _release(error)
        raise


def _release(error: BaseException) -> None:
    seen: set[int] = set()
    pending: list[BaseException | None] = [error]
    while pending:
        each = pending.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            traceback.clear_frames(each.__traceback__)
            pending += (each.__cause__, each.__context__)
