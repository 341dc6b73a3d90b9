"""The download of one file into a partial file: resumed, retried, verified."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential,
)

from facewire_server.catalogue.catalogue import PublishedFile
from facewire_server.catalogue.origin import (
    MissingFileError,
    Origin,
    TransientError,
    UnusableRangeError,
)
from facewire_server.errors import ModelError


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often and how long to try; times in seconds, sizes in bytes.

    After `retries` retries it gives up; a failure after `progress` bytes or more starts
    the count anew. The wait before a retry doubles from `first_wait` to `longest_wait`,
    plus or minus up to a half. `connect_timeout` is for a connection, `read_timeout` for
    the next byte. If fewer than `window_bytes` come within `window`, the attempt fails.
    """

    retries: int = 4
    first_wait: float = 0.5
    longest_wait: float = 30
    connect_timeout: float = 10
    read_timeout: float = 30
    progress: int = 1 << 20
    window: float = 60
    window_bytes: int = 1 << 16

    def wait(self, state: RetryCallState) -> float:
        """Return the wait before the next attempt, in seconds."""
        wait = wait_exponential(multiplier=self.first_wait, max=self.longest_wait)
        return wait(state) * random.uniform(0.5, 1.5)


class Fetch:
    """The download of one file from its origins into a partial file.

    Raises OSError if the partial file cannot be written.
    """

    def __init__(
        self,
        file: PublishedFile,
        partial: Path,
        policy: RetryPolicy,
        *,
        note: Callable[[str], None],
        progress: Callable[[int], None],
    ) -> None:
        """`note` gets a line for each failure, `progress` the size of the partial file."""
        self._file = file
        self._partial = partial
        self._policy = policy
        self._note = note
        self._progress = progress

    def run(self, origins: Sequence[Origin]) -> None:
        """Fetch the file from the first origin that has it, resuming an earlier run.

        Raises ModelError. The partial file is kept for the next run, unless its bytes are
        wrong.
        """
        missing = []
        for origin in origins:
            try:
                self._fetch(origin)
            except MissingFileError as error:
                missing.append(str(error))
            else:
                return
        raise ModelError(f"{self._file.name} is not at {' nor at '.join(missing)}")

    def _fetch(self, origin: Origin) -> None:
        """Complete the partial file and verify it; a resumed one gets a second chance."""
        resumed = self._size() > 0
        self._complete(origin)
        mismatch = self._file.mismatch(self._partial)
        if mismatch and resumed:
            self._note(f"what was there {mismatch}; starting again")
            self._partial.unlink()
            self._complete(origin)
            mismatch = self._file.mismatch(self._partial)
        if mismatch:
            self._partial.unlink()
            raise ModelError(f"{origin} {mismatch}: it is not the published file")

    def _complete(self, origin: Origin) -> None:
        """Append until the partial file has its full size, retrying by the policy."""
        retrying = Retrying(
            retry=retry_if_exception_type(TransientError),
            stop=stop_after_attempt(self._policy.retries + 1),
            wait=self._policy.wait,
            before_sleep=self._note_retry,
            reraise=True,
        )
        try:
            for attempt in retrying:
                with attempt:
                    before = self._size()
                    try:
                        self._append(origin)
                    finally:
                        # tenacity counts all attempts; the policy counts only those
                        # in a row that made little progress.
                        if self._size() - before >= self._policy.progress:
                            attempt.retry_state.attempt_number = 1
        except TransientError as error:
            attempts = attempt.retry_state.attempt_number
            resume = "; type the same again to go on" if self._size() else ""
            raise ModelError(f"{error}; gave up after {attempts} attempts{resume}") from None

    def _note_retry(self, state: RetryCallState) -> None:
        assert state.outcome is not None
        self._note(f"{state.outcome.exception()}; trying again in {state.upcoming_sleep:.1f} s")

    def _append(self, origin: Origin) -> None:
        """Request the missing bytes once, and append them."""
        offset, size = self._size(), self._file.size
        if offset > size:
            self._partial.unlink()
            offset = 0
        if offset == size:
            return
        try:
            with origin.open(offset, size) as body:
                offset = self._write(body.start, self._fast_enough(body.chunks, origin), origin)
        except UnusableRangeError:
            self._partial.unlink()
            raise
        if offset < size:
            raise TransientError(f"{origin} broke off at {offset} of {size} bytes")

    def _write(self, offset: int, chunks: Iterator[bytes], origin: Origin) -> int:
        """Write the chunks from `offset` on; returns the offset after them."""
        with self._partial.open("ab" if offset else "wb") as file:
            for chunk in chunks:
                offset += len(chunk)
                if offset > self._file.size:
                    self._partial.unlink()
                    raise ModelError(f"{origin} has more than {self._file.size} bytes")
                file.write(chunk)
                self._progress(offset)
        return offset

    def _fast_enough(self, chunks: Iterator[bytes], origin: Origin) -> Iterator[bytes]:
        """Yield the chunks while they come fast enough. Raises TransientError."""
        started, received = time.monotonic(), 0
        for chunk in chunks:
            yield chunk
            received += len(chunk)
            elapsed = time.monotonic() - started
            if elapsed < self._policy.window:
                continue
            if received < self._policy.window_bytes:
                raise TransientError(f"{origin} is too slow: {received} bytes in {elapsed:.0f} s")
            started, received = time.monotonic(), 0

    def _size(self) -> int:
        """Return the size of the partial file in bytes."""
        try:
            return self._partial.stat().st_size
        except FileNotFoundError:
            return 0
