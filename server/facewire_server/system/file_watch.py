"""The watch of files: fingerprints, settled changes, and contents that are loaded again.

Rule: a read may never return, from a drive that hangs or a pipe without a writer. That blocks
neither the event loop nor the end of the process, and is logged.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path

from facewire_server.errors import ConfigError, FacewireError
from facewire_server.system.daemon_thread import run_in_daemon_thread

logger = logging.getLogger("facewire_server.service.file_watch")

POLL_SECONDS = 1.0
"""Seconds between two looks at files. Polling also sees changes on network drives."""

READ_SECONDS = 10.0
"""Seconds for the files to be read."""

LOOK_SECONDS = 3 * READ_SECONDS
"""Seconds for a look at the files, with reading and loading them after a change."""

NOT_RELOADED = "%s not reloaded, what was read before holds on: %s"

Fingerprint = tuple[tuple[int, int, int], ...]
"""The mtime (ns), size (bytes) and inode of each of a set of files."""

Contents = Mapping[str, bytes]
"""The content of each file, by its flag."""


def fingerprint(*paths: Path) -> Fingerprint:
    """Return the fingerprint of files; zeros for each that `stat` fails on. May hang."""
    return tuple(_stat(path) for path in paths)


def _stat(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return 0, 0, 0
    return found.st_mtime_ns, found.st_size, found.st_ino


class FileChanges:
    """Detects changes of one set of files, each once it has settled.

    A change has settled when two looks in a row find the same fingerprint: files that
    are still being written, or replaced one after the other, are not read yet.
    """

    def __init__(self, loaded: Fingerprint) -> None:
        """`loaded` was taken before the files in use were read."""
        self.loaded = loaded
        self.seen = loaded

    def look(self, now: Fingerprint) -> bool:
        """Whether the files have changed since they were loaded, and have settled."""
        is_settled = now == self.seen
        self.seen = now
        return is_settled and now != self.loaded

    def mark_loaded(self) -> None:
        """Note that the files were loaded after the last look.

        A change between that look and the reading is detected by the next look.
        """
        self.loaded = self.seen


class FileWatch:
    """Loads the contents of files now, and whenever they have changed while `run` runs."""

    def __init__(
        self, name: str, files: Mapping[str, Path], load: Callable[[Contents], None]
    ) -> None:
        """`name` stands for the files in the log; `files` are by the flags that set them.

        `load` gets their contents, and must keep what it had when it raises. Raises
        what `load` raises now, and ConfigError for a file that cannot be read.
        """
        self._name = name
        self._files = dict(files)
        self._load = load
        self._changes = FileChanges(())
        self._step = ""  # what the thread is at, for the message when it hangs
        self._last_error = ""
        self._hanging: Future[Contents] | None = None
        self._hanging_on: Fingerprint = ()
        load(self._read_in_time(self._read_first))

    async def run(self) -> None:
        """Look every POLL_SECONDS, until it is cancelled."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            look = asyncio.wrap_future(run_in_daemon_thread(self._look))
            done, _ = await asyncio.wait((look,), timeout=LOOK_SECONDS)
            if not done:
                logger.error(NOT_RELOADED, self._name, self._timeout_error(LOOK_SECONDS))
            await look

    def _look(self) -> None:
        """Reload the files if they have changed and have settled.

        Files that could not be loaded are read again at every look: the reason may be
        a missing permission, and granting it changes no fingerprint.
        """
        now = self._fingerprint()
        has_changed = self._changes.look(now)
        if now == self._changes.loaded:
            self._last_error = ""
        elif has_changed and not self._is_hanging_on(now):
            self._reload()

    def _is_hanging_on(self, now: Fingerprint) -> bool:
        """Whether an earlier read of these very files has not returned yet.

        Another read would only add a thread that hangs.
        """
        if self._hanging is not None and self._hanging.done():
            self._hanging = None
        return self._hanging is not None and self._hanging_on == now

    def _reload(self) -> None:
        try:
            self._load(self._read_in_time(self._read))
        except Exception as error:
            # A bug in `load` must not end the reloads to come.
            trace = None if isinstance(error, FacewireError) else error
            if self._is_new(error):
                logger.error(NOT_RELOADED, self._name, error, exc_info=trace)
        else:
            self._changes.mark_loaded()
            self._last_error = ""
            logger.info("%s reloaded", self._name)

    def _is_new(self, error: Exception) -> bool:
        """Whether this is another error than the one logged last."""
        last, self._last_error = self._last_error, str(error)
        return last != self._last_error

    def _read_first(self) -> Contents:
        # The fingerprint is taken before reading, so that a change in between is detected.
        self._changes = FileChanges(self._fingerprint())
        return self._read()

    def _read(self) -> Contents:
        return {flag: self._read_file(flag, path) for flag, path in self._files.items()}

    def _read_file(self, flag: str, path: Path) -> bytes:
        self._step = f"{flag}: cannot read {path}"
        try:
            return path.read_bytes()
        except OSError as error:
            raise ConfigError(f"{self._step}: {error.strerror}") from None

    def _fingerprint(self) -> Fingerprint:
        found: Fingerprint = ()
        for flag, path in self._files.items():
            self._step = f"{flag}: cannot look at {path}"
            found += fingerprint(path)
        return found

    def _read_in_time(self, read: Callable[[], Contents]) -> Contents:
        """Call `read` on a thread. Raises ConfigError, also after READ_SECONDS."""
        # A local variable, since the future holds secrets: it must not outlive this call.
        reading = run_in_daemon_thread(read)
        try:
            return reading.result(READ_SECONDS)
        except TimeoutError:
            self._hanging, self._hanging_on = reading, self._changes.seen
            raise self._timeout_error(READ_SECONDS) from None

    def _timeout_error(self, seconds: float) -> ConfigError:
        return ConfigError(f"{self._step}: no answer within {seconds:g} s")
