"""Files that are read again when they change, while the last good ones serve on.

Rule: a file may never answer, on a drive that hangs or as a pipe that nobody writes to.
That holds up neither the event loop nor the end of the process, and is told.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path

from facewire_server.errors import ConfigError, FacewireError
from facewire_server.system.daemon_thread import aside
from facewire_server.system.fingerprint import POLL_SECONDS, Fingerprint, fingerprint

logger = logging.getLogger("facewire_server.service.file_watch")

READ_SECONDS = 10.0
"""For the files to be read."""

LOOK_SECONDS = 3 * READ_SECONDS
"""For a look at them, and what is done with what is new."""

NOT_RELOADED = "%s not reloaded, what was read before holds on: %s"

Contents = Mapping[str, bytes]
"""What is in each file, by its flag."""


class FileWatch:
    """Reads files now, and whenever they have changed while `run` runs."""

    def __init__(
        self, what: str, files: Mapping[str, Path], load: Callable[[Contents], None]
    ) -> None:
        """`what` names them in the log; `files` are those of flags.

        `load` gets what is in them, and must keep what it had when it raises. Raises
        what it raises now, and ConfigError for a file that cannot be read.
        """
        self._what = what
        self._files = dict(files)
        self._load = load
        self._at = ""
        self._told = ""
        self._served: Fingerprint = ()
        self._seen: Fingerprint = ()
        self._stuck: Future[Contents] | None = None
        self._stuck_at: Fingerprint = ()
        load(self._timely(self._read_first))

    async def run(self) -> None:
        """Looks again and again, until it is cancelled."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            look = asyncio.wrap_future(aside(self._look))
            done, _ = await asyncio.wait((look,), timeout=LOOK_SECONDS)
            if not done:
                logger.error(NOT_RELOADED, self._what, self._no_answer(LOOK_SECONDS))
            await look

    def _look(self) -> None:
        """Reads the files if they have changed and have stayed so for one look.

        Files that are still being written, or replaced one by one, are left alone.
        Those that are no good are read again at every look: what is wrong with them
        may be a right that is granted later, which changes no time.
        """
        now = self._stamp()
        settled = now == self._seen
        self._seen = now
        if now == self._served:
            self._told = ""
        elif settled and not self._is_stuck(now):
            self._reload()

    def _is_stuck(self, now: Fingerprint) -> bool:
        """Whether these files, and no others, are still being waited for."""
        if self._stuck is not None and self._stuck.done():
            self._stuck = None
        return self._stuck is not None and self._stuck_at == now

    def _reload(self) -> None:
        try:
            self._load(self._timely(self._read))
        except Exception as error:
            # A fault of ours must not end the reloads to come.
            trace = None if isinstance(error, FacewireError) else error
            if self._is_news(error):
                logger.error(NOT_RELOADED, self._what, error, exc_info=trace)
        else:
            self._served = self._seen
            self._told = ""
            logger.info("%s reloaded", self._what)

    def _is_news(self, error: Exception) -> bool:
        """Whether this is to be told: it was not told last."""
        told, self._told = self._told, str(error)
        return told != self._told

    def _read_first(self) -> Contents:
        # Looked at before they are read: a change in between is then seen as one.
        self._served = self._seen = self._stamp()
        return self._read()

    def _read(self) -> Contents:
        return {flag: self._read_one(flag, path) for flag, path in self._files.items()}

    def _read_one(self, flag: str, path: Path) -> bytes:
        self._at = f"{flag}: cannot read {path}"
        try:
            return path.read_bytes()
        except OSError as error:
            raise ConfigError(f"{self._at}: {error.strerror}") from None

    def _stamp(self) -> Fingerprint:
        found: Fingerprint = ()
        for flag, path in self._files.items():
            self._at = f"{flag}: cannot look at {path}"
            found += fingerprint(path)
        return found

    def _timely(self, read: Callable[[], Contents]) -> Contents:
        """What is read. Raises ConfigError, also when that takes too long."""
        # Kept by nobody when it is done: there are secrets in it.
        reading = aside(read)
        try:
            return reading.result(READ_SECONDS)
        except TimeoutError:
            self._stuck, self._stuck_at = reading, self._seen
            raise self._no_answer(READ_SECONDS) from None

    def _no_answer(self, seconds: float) -> ConfigError:
        return ConfigError(f"{self._at}: no answer within {seconds:g} s")
