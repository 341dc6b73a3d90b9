"""Which failed calls are made again, and when.

gRPC would do this by its service config, but cannot tell a server that is full from
a message that is too large, and would send that five times.
"""

from collections.abc import Iterable
from random import uniform
from time import monotonic
from typing import Any

import grpc

ATTEMPTS = 5
"""How often a call is made at most."""

_RETRIED = grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED
_FIRST_BACKOFF, _LONGEST_BACKOFF = 0.1, 2.0


class Retry:
    """The attempts of one call, which share its `seconds` (None: no limit)."""

    def __init__(self, seconds: float | None, attempts: int = ATTEMPTS) -> None:
        self._ends = None if seconds is None else monotonic() + seconds
        self._left = attempts
        self._backoff = _FIRST_BACKOFF

    def seconds(self) -> float | None:
        """What is left for the next attempt; None: no limit."""
        return None if self._ends is None else self._ends - monotonic()

    def delay(self, error: grpc.RpcError) -> float | None:
        """How many seconds to wait before the next attempt; None: there is none."""
        self._left -= 1
        delay = self._wanted(error) if self._left else None
        seconds = self.seconds()
        if delay is None or (seconds is not None and delay >= seconds):
            return None
        return delay

    def _wanted(self, error: grpc.RpcError) -> float | None:
        """When to come back: as the server says, else with a backoff.

        RESOURCE_EXHAUSTED without a word is gRPC's own, for a message or metadata
        over a limit of the server's: it would be refused again.
        """
        if error.code() not in _RETRIED:
            return None
        pushback = _pushback(error.trailing_metadata() or ())
        if pushback is not None:  # by gRPC's rule anything else than a time forbids it
            return int(pushback) / 1e3 if pushback.isdecimal() else None
        if error.code() is grpc.StatusCode.UNAVAILABLE:
            return self._next_backoff()
        return None

    def _next_backoff(self) -> float:
        backoff = self._backoff
        self._backoff = min(2 * backoff, _LONGEST_BACKOFF)
        return backoff * uniform(0.8, 1.2)  # so that clients do not come back at once


def _pushback(trailers: Iterable[Any]) -> str | None:
    for key, value in trailers:
        if key == "grpc-retry-pushback-ms":
            return str(value)
    return None
