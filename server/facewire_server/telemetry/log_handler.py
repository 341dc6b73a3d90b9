"""A handler of the log whose callers never wait for whoever reads the log.

Rule: a record is turned into its line where it is logged, so that nothing of a request
lives on in the queue.
"""

import logging
import os
import select
from collections.abc import Callable
from logging.handlers import QueueHandler
from threading import Lock, Thread

from facewire_server.telemetry.log_queue import Entry, LogQueue

STANDARD_ERROR = 2

FLUSH_SECONDS = 2.0
"""For what is queued to be written at the exit; nobody may be reading any more."""


class QueuedHandler(QueueHandler):
    """Writes lines to a file descriptor, on a thread of its own.

    From WARNING upwards records have precedence over the others, which have a rate.
    """

    def __init__(self, descriptor: int = STANDARD_ERROR, queue: LogQueue | None = None) -> None:
        self._queue = LogQueue() if queue is None else queue
        super().__init__(self._queue)
        self._descriptor = descriptor
        self._starting = Lock()
        self._thread: Thread | None = None

    def on_dropped(self, observer: Callable[[int], None]) -> None:
        """See LogQueue."""
        self._queue.on_dropped(observer)

    def prepare(self, record: logging.LogRecord) -> Entry:
        """See QueueHandler: what is put into the queue."""
        return Entry(lambda: self.format(record), record.levelno >= logging.WARNING)

    def emit(self, record: logging.LogRecord) -> None:
        """Puts a record's line into the queue, or leaves it out."""
        super().emit(record)
        self._start()

    def say(self, line: str) -> None:
        """Puts a line into the queue that is no record."""
        self._queue.put_nowait(Entry(lambda: line, urgent=True))
        self._start()

    def flush(self) -> None:
        """Waits until all is written, for at most FLUSH_SECONDS."""
        if self._thread is not None:
            self._queue.flush(FLUSH_SECONDS)

    def _start(self) -> None:
        """Starts the thread, once: a handler that gets no record needs none."""
        if self._thread is not None:
            return
        with self._starting:
            if self._thread is None:
                # A daemon: an exit does not wait for it, who may wait for a reader.
                self._thread = Thread(target=self._run, name="log", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            taken = self._queue.get()
            line = taken if isinstance(taken, str) else self._left_out(taken)
            self._write(f"{line}\n".encode(errors="backslashreplace"))

    def _left_out(self, count: int) -> str:
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
        # Not by sys.stderr, whose lock would then be held while the interpreter ends.
        while data:
            try:
                data = data[os.write(self._descriptor, data) :]
            except BlockingIOError:
                # Whoever shares the descriptor has made it one that does not block.
                select.select((), (self._descriptor,), ())
            except OSError:
                return  # nobody will ever read it
