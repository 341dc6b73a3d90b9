"""The signals of a server process once it has an event loop; see ../signals.py."""

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Sequence
from typing import NoReturn


def on_hangup(call: Callable[[], None]) -> None:
    """Has SIGHUP call a function on this event loop; one that came before, too."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, call)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})


def leave(status: int) -> NoReturn:
    """Ends the process at once, but for what was logged.

    No thread that works, and no cleaning up, is waited for.
    """
    logging.shutdown()
    os._exit(status)


def leave_by(number: int) -> NoReturn:
    """Ends the process at once, with the exit status that tells of a signal."""
    leave(128 + number)


def signalled(
    numbers: Sequence[signal.Signals], again: Callable[[int], None] = leave_by
) -> asyncio.Event:
    """What is set by the first of these signals; `again` is called with a second."""
    event = asyncio.Event()

    def on_signal(number: int) -> None:
        if event.is_set():
            again(number)
        event.set()

    for number in numbers:
        asyncio.get_running_loop().add_signal_handler(number, on_signal, number)
    return event
