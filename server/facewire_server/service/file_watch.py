"""Files that are read again when they change, while the last good ones serve on."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from facewire_server.errors import FacewireError
from facewire_server.stamp import POLL_SECONDS, stamp

logger = logging.getLogger(__name__)


class FileWatch:
    """Reads files now, and whenever they have changed while `run` runs."""

    def __init__(
        self, what: str, files: Sequence[Path], load: Callable[[], None]
    ) -> None:
        """`what` names them in the log, and `load` reads them.

        `load` must keep what it had when it raises. What it raises now goes through.
        """
        self._what = what
        self._files = tuple(files)
        self._load = load
        self._told = ""
        # Before they are read: a change in between is then seen as one.
        self._served = self._seen = stamp(*self._files)
        load()

    async def run(self) -> None:
        """Looks again and again, until it is cancelled."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            await asyncio.to_thread(self._look)

    def _look(self) -> None:
        """Reads the files if they have changed and have stayed so for one look.

        Files that are still being written, or replaced one by one, are left alone.
        Those that are no good are read again at every look: what is wrong with them
        may be a right that is granted later, which changes no time.
        """
        now = stamp(*self._files)
        settled = now == self._seen
        self._seen = now
        if now == self._served:
            self._told = ""
        elif settled:
            self._reload()

    def _reload(self) -> None:
        try:
            self._load()
        except Exception as error:
            # A fault of ours must not end the reloads to come.
            if str(error) != self._told:
                trace = None if isinstance(error, FacewireError) else error
                logger.error(
                    "%s not reloaded, what was read before holds on: %s",
                    self._what,
                    error,
                    exc_info=trace,
                )
            self._told = str(error)
        else:
            self._served = self._seen
            self._told = ""
            logger.info("%s reloaded", self._what)
