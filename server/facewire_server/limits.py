"""What one peer, and all of them, may take of a server before a request is a request.

Rule: each has a reason for its default in docs/limits.md.
"""

import math
from dataclasses import dataclass

from facewire_server.errors import ConfigError

KIBI = 1 << 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of the transport; see `facewire-server serve --help`.

    `max_connections`, `max_calls`, and `max_watches` of health, which are no calls
    here, are of the process, `max_streams` of a connection.
    Seconds: `handshake_seconds` for a peer to begin HTTP/2, encrypted or not;
    `message_seconds` for the message of a call to arrive; `stream_idle_seconds` for
    the next thing to happen on a stream, where it is the peer's turn;
    `watch_idle_seconds` for the next status of a watch;
    `connection_idle_seconds` without a call; `connection_age_seconds` and then
    `connection_grace_seconds` for a connection to live; `keepalive_seconds` of
    silence before a peer is asked whether it is there. 0: no limit, but for the
    first two. Raises ConfigError, which names the setting.
    """

    max_connections: int = 1000
    max_streams: int = 100
    max_calls: int = 4096
    max_watches: int = 1000
    max_metadata_kb: float = 16.0
    handshake_seconds: float = 10.0
    message_seconds: float = 30.0
    stream_idle_seconds: float = 300.0
    watch_idle_seconds: float = 7200.0
    connection_idle_seconds: float = 300.0
    connection_age_seconds: float = 3600.0
    connection_grace_seconds: float = 0.0
    keepalive_seconds: float = 60.0

    def __post_init__(self) -> None:
        for name in ("max_connections", "max_streams", "max_calls", "max_watches"):
            check(name, 1 <= getattr(self, name) < 2**31, "not within 1..2147483647")
        check(
            "max_metadata_kb",
            1 <= self.max_metadata_kb <= 16_000,
            "not within 1..16000",
        )
        for name in ("handshake_seconds", "message_seconds"):
            check(name, 0 < getattr(self, name) <= 86_400, "not within (0, 86400]")
        for name in (
            "stream_idle_seconds",
            "watch_idle_seconds",
            "connection_idle_seconds",
            "connection_age_seconds",
            "connection_grace_seconds",
            "keepalive_seconds",
        ):
            check(name, 0 <= getattr(self, name) < math.inf, "not a number of seconds")

    @property
    def max_metadata_bytes(self) -> int:
        """The most bytes of a call's metadata, 32 for each entry included."""
        return round(self.max_metadata_kb * KIBI)


def check(name: str, fits: bool, what: str) -> None:
    """Raises ConfigError for a setting of this name that does not fit."""
    if not fits:
        raise ConfigError(f"{flag(name)}: {what}")


def flag(name: str) -> str:
    """The option of the command that a setting of this name comes from."""
    return f"--{name.replace('_', '-')}"
