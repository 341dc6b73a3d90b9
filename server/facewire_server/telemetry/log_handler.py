"""A logging handler that never waits for the reader of the log.

Rule: a record is formatted on the thread that logs it, so that the queue holds text and
keeps no request alive.
"""

import logging
import os
import select
from collections.abc import Callable
from logging.handlers import QueueHandler
from threading import Lock, Thread

from facewire_server.telemetry.log_queue import LogQueue, PendingLine

STANDARD_ERROR = 2

FLUSH_SECONDS = 2.0
"""Seconds for the queue to be written at the exit: the reader of the log may be gone."""


class QueuedHandler(QueueHandler):
    """A handler that writes to a file descriptor in a separate thread.

    Records of WARNING and above displace others, whose rate is limited: see LogQueue.
    """

    def __init__(self, descriptor: int = STANDARD_ERROR, queue: LogQueue | None = None) -> None:
        self._queue = LogQueue() if queue is None else queue
        super().__init__(self._queue)
        self._descriptor = descriptor
        self._starting = Lock()
        self._thread: Thread | None = None

    def on_dropped(self, observer: Callable[[int], None]) -> None:
        """See LogQueue.on_dropped."""
        self._queue.on_dropped(observer)

    def prepare(self, record: logging.LogRecord) -> PendingLine:
        """Return what QueueHandler puts into the queue for a record."""
        return PendingLine(lambda: self.format(record), record.levelno >= logging.WARNING)

    def emit(self, record: logging.LogRecord) -> None:
        """Put the line of a record into the queue, or drop it."""
        super().emit(record)
        self._start()

    def say(self, line: str) -> None:
        """Put a line without a record into the queue."""
        self._queue.put_nowait(PendingLine(lambda: line, urgent=True))
        self._start()

    def flush(self) -> None:
        """Wait until everything is written, for at most FLUSH_SECONDS."""
        if self._thread is not None:
            self._queue.flush(FLUSH_SECONDS)

    def _start(self) -> None:
        """Start the thread with the first line: a handler without lines needs none."""
        if self._thread is not None:
            return
        with self._starting:
            if self._thread is None:
                # A daemon thread: it may wait for a reader that never reads, and the exit of
                # the process must not wait for it.
                self._thread = Thread(target=self._run, name="log", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            item = self._queue.get()
            line = item if isinstance(item, str) else self._dropped_line(item)
            self._write(f"{line}\n".encode(errors="backslashreplace"))

    def _dropped_line(self, count: int) -> str:
        """Format the warning about dropped lines; it does not pass through the queue."""
        record = logging.LogRecord(
            "facewire_server.log_handler",
            logging.WARNING,
            __file__,
            0,
            "%d lines left out: more than the log takes, or than are read of it",
            (count,),
            None,
        )
        self.filter(record)
        return self.format(record)

    def _write(self, data: bytes) -> None:
        # Not through sys.stderr: this thread would hold its lock while the interpreter
        # ends, which is a fatal error of Python.
        while data:
            try:
                data = data[os.write(self._descriptor, data) :]
            except BlockingIOError:
                # Another process that shares the descriptor has made it non-blocking.
                select.select((), (self._descriptor,), ())
            except OSError:
                return  # the reader is gone
