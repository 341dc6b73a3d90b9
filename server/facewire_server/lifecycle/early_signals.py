"""The signals of a server process before it has an event loop; see `run` for after.

Rule: SIGTERM and SIGINT end the process with 0 and SIGHUP never does, however early they
come. So this module imports nothing that takes time.
"""

import os
import signal

STOP = (signal.SIGTERM, signal.SIGINT)
"""The signals that stop a server."""


def install() -> None:
    """Have STOP end the process, and SIGHUP stay pending until a server handles it.

    To be called on the main thread before there is any other: threads and processes
    inherit the mask, so none that is started later takes SIGHUP from the main thread.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    for number in STOP:
        # Raises no exception, which any code could catch. Does not call sys.exit, which
        # would join threads that load: there is nothing to clean up yet.
        signal.signal(number, lambda *_: os._exit(0))
