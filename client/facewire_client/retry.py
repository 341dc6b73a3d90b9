"""The retry policy: which failed calls are tried again, and when.

gRPC's own policy, set in the service config, cannot tell a full server (RESOURCE_EXHAUSTED) from
a message over the server's limit (RESOURCE_EXHAUSTED too), and would send that message five times.
"""

from collections.abc import Iterable
from random import uniform
from time import monotonic
from typing import Any

import grpc

MAX_ATTEMPTS = 5
"""The most times that a call is sent."""

# CANCELLED: a server that stops cancels calls that it has received and not begun.
_RETRIED_WITH_BACKOFF = grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED
_RETRIED = *_RETRIED_WITH_BACKOFF, grpc.StatusCode.RESOURCE_EXHAUSTED
_FIRST_BACKOFF, _LONGEST_BACKOFF = 0.1, 2.0


class Attempts:
    """The attempts of one call: at most `limit`, within `seconds` together (None: no limit)."""

    def __init__(self, seconds: float | None, limit: int) -> None:
        self._ends = None if seconds is None else monotonic() + seconds
        self._left = limit
        self._backoff = _FIRST_BACKOFF

    def seconds(self) -> float | None:
        """Return the time left for the next attempt in seconds; None: no limit."""
        return None if self._ends is None else self._ends - monotonic()

    def delay(self, error: grpc.RpcError) -> float | None:
        """Return the seconds to wait before the next attempt; None: there is no next one."""
        self._left -= 1
        delay = self._delay_after(error) if self._left else None
        seconds = self.seconds()
        if delay is None or (seconds is not None and delay >= seconds):
            return None
        return delay

    def _delay_after(self, error: grpc.RpcError) -> float | None:
        """Return the server's pushback in seconds, or else a backoff; None: do not retry.

        RESOURCE_EXHAUSTED without a pushback comes from gRPC itself, for a message or metadata
        over the server's limit, and would come again.
        """
        if error.code() not in _RETRIED:
            return None
        pushback = _pushback(error.trailing_metadata() or ())
        if pushback is not None:  # by gRPC's rule any value but a time forbids a retry
            return int(pushback) / 1e3 if pushback.isdecimal() else None
        if error.code() in _RETRIED_WITH_BACKOFF:
            return self._next_backoff()
        return None

    def _next_backoff(self) -> float:
        backoff = self._backoff
        self._backoff = min(2 * backoff, _LONGEST_BACKOFF)
        return backoff * uniform(0.8, 1.2)  # spreads clients that failed together


def _pushback(trailers: Iterable[Any]) -> str | None:
    for key, value in trailers:
        if key == "grpc-retry-pushback-ms":
            return str(value)
    return None
