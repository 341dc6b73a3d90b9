"""The signals of a server process in its first moments, before it has an event loop.

Rule: SIGTERM and SIGINT end it with 0 and SIGHUP never does, however early they come.
So nothing is imported here that takes time.
"""

import os
import signal

STOP = (signal.SIGTERM, signal.SIGINT)


def take() -> None:
    """Has STOP end the process, and SIGHUP wait in the kernel for a server to obey it.

    To be called on the main thread before any other thread is there: threads and
    processes that are started later hold SIGHUP back, too, and so leave it to this one.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    for number in STOP:
        # Not an exception: it could be raised anywhere, and be caught there.
        signal.signal(number, lambda *_: os._exit(0))
