"""One file, fetched into a partial file: resumed, retried, checked."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from facewire_server.catalogue.entry import File
from facewire_server.catalogue.origin import (
    NotThereError,
    Origin,
    TransientError,
    UnusableRangeError,
)
from facewire_server.errors import ModelError


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often and how long to try; times in seconds.

    After `retries` failures in a row it gives up; one that came after `progress`
    bytes or more starts a new row. The pause before a retry doubles from
    `first_pause` to `longest_pause`, give or take a half. `stall`: how long nothing
    may come; `connect`: how long a connection may take. Within `window` at least
    `least` bytes have to come, or the connection is given up.
    """

    retries: int = 4
    first_pause: float = 0.5
    longest_pause: float = 30
    connect: float = 10
    stall: float = 30
    progress: int = 1 << 20
    window: float = 60
    least: int = 1 << 16

    def pause(self, failures: int) -> float:
        """The pause after so many failures in a row."""
        pause: float = self.first_pause * 2 ** (failures - 1)
        return min(pause, self.longest_pause) * random.uniform(0.5, 1.5)


class Fetch:
    """A file on its way from its origins into a partial file.

    Raises OSError when the partial file cannot be written.
    """

    def __init__(
        self,
        file: File,
        part: Path,
        patience: RetryPolicy,
        *,
        note: Callable[[str], None],
        progress: Callable[[int], None],
    ) -> None:
        """`note` is told what goes wrong, `progress` how many bytes are there."""
        self._file = file
        self._part = part
        self._patience = patience
        self._note = note
        self._progress = progress

    def run(self, origins: Sequence[Origin]) -> None:
        """Fetches it from the first of the origins that has it.

        Goes on where an earlier run ended. Raises ModelError, with the partial file
        kept for the next time unless its bytes are wrong.
        """
        places = []
        for origin in origins:
            try:
                self._run(origin)
            except NotThereError as error:
                places.append(str(error))
            else:
                return
        raise ModelError(f"{self._file.name} is not at {' nor at '.join(places)}")

    def _run(self, origin: Origin) -> None:
        resumed = self._there() > 0
        self._fill(origin)
        mismatch = self._file.mismatch(self._part)
        if mismatch and resumed:
            self._note(f"what was there {mismatch}; starting again")
            self._part.unlink()
            self._fill(origin)
            mismatch = self._file.mismatch(self._part)
        if mismatch:
            self._part.unlink()
            raise ModelError(f"{origin} {mismatch}: it is not the published file")

    def _fill(self, origin: Origin) -> None:
        """Makes the partial file as long as it should be."""
        failures = 0
        while True:
            before = self._there()
            try:
                self._append(origin)
            except TransientError as error:
                if isinstance(error, UnusableRangeError):
                    self._part.unlink()
                moved = self._there() - before >= self._patience.progress
                failures = 1 if moved else failures + 1
                if failures > self._patience.retries:
                    kept = "; type the same again to go on" if self._there() else ""
                    raise ModelError(f"{error}; gave up after {failures} attempts{kept}") from None
                pause = self._patience.pause(failures)
                self._note(f"{error}; trying again in {pause:.1f} s")
                time.sleep(pause)
            else:
                return

    def _append(self, origin: Origin) -> None:
        """Asks once for what is missing."""
        there = self._there()
        size = self._file.size
        if there > size:
            self._part.unlink()
            there = 0
        if there == size:
            return
        with origin.open(there, size) as piece:
            there = piece.start
            with self._part.open("ab" if there else "wb") as file:
                for chunk in self._in_time(piece.chunks, origin):
                    there += len(chunk)
                    if there > size:
                        self._part.unlink()
                        raise ModelError(f"{origin} has more than {size} bytes")
                    file.write(chunk)
                    self._progress(there)
        if there < size:
            raise TransientError(f"{origin} broke off at {there} of {size} bytes")

    def _in_time(self, chunks: Iterator[bytes], origin: Origin) -> Iterator[bytes]:
        """The chunks, for as long as they come fast enough. Raises TransientError."""
        began, came = time.monotonic(), 0
        for chunk in chunks:
            yield chunk
            came += len(chunk)
            took = time.monotonic() - began
            if took < self._patience.window:
                continue
            if came < self._patience.least:
                raise TransientError(f"{origin} is too slow: {came} bytes in {took:.0f} s")
            began, came = time.monotonic(), 0

    def _there(self) -> int:
        """How many bytes of it are here."""
        try:
            return self._part.stat().st_size
        except FileNotFoundError:
            return 0
