"""The limits of the transport: how much connections, calls and metadata may take.

Rule: docs/limits.md gives the reason for each default.
"""

from dataclasses import dataclass

from facewire_server.config.setting import SECONDS, Range, check_each, setting

KIBI = 1 << 10

COUNTS = Range(lambda value: 1 <= value < 2**31, "not within 1..2147483647")
KIBIBYTES = Range(lambda value: 1 <= value <= 16_000, "not within 1..16000")
WITHIN_A_DAY = Range(lambda value: 0 < value <= 86_400, "not within (0, 86400]")


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportLimits:
    """Limits of connections and calls.

    `max_connections`, `max_calls` and `max_watches` are of the process, `max_streams` of a
    connection. A watch of health is not counted as a call. Durations are in seconds; 0 is
    no limit, where a duration may be 0. Raises ConfigError, which names the setting.
    """

    max_connections: int = setting(
        1000, "How many connections each worker holds; more are hung up on.", COUNTS
    )
    max_streams: int = setting(
        100,
        "How many calls one connection may have open; gRPC's clients keep more back until there"
        " is room.",
        COUNTS,
    )
    max_calls: int = setting(
        4096, "How many calls each worker has open, streams included; more are refused.", COUNTS
    )
    max_watches: int = setting(
        1000,
        "How many watches of health each worker has open beside its calls; beyond that the"
        " connection with most of them gives one up.",
        COUNTS,
    )
    max_metadata_kb: float = setting(16.0, "The largest metadata of a call, in KiB.", KIBIBYTES)
    handshake_seconds: float = setting(
        10.0, "For a new connection to say something that makes sense.", WITHIN_A_DAY
    )
    message_seconds: float = setting(30.0, "For the message of a call to arrive.", WITHIN_A_DAY)
    stream_idle_seconds: float = setting(
        300.0,
        "A stream on which a client sends nothing, or takes no answer, for so long is ended; 0:"
        " never.",
        SECONDS,
    )
    watch_idle_seconds: float = setting(
        7200.0,
        "A watch of health that had nothing to tell for so long is ended; 0: never.",
        SECONDS,
    )
    connection_idle_seconds: float = setting(
        300.0, "A connection without a call for so long is closed; 0: never.", SECONDS
    )
    connection_age_seconds: float = setting(
        3600.0,
        "A connection of this age takes no more calls, and is closed after its last one;"
        " clients open another by themselves. 0: never.",
        SECONDS,
    )
    connection_grace_seconds: float = setting(
        0.0, "For those last calls; what runs after it is cut off. 0: no limit.", SECONDS
    )
    keepalive_seconds: float = setting(
        60.0,
        "After so long without a word a peer is asked whether it is there, and has 20 seconds"
        " to answer; 0: never.",
        SECONDS,
    )

    def __post_init__(self) -> None:
        check_each(self)

    @property
    def max_metadata_bytes(self) -> int:
        """The most bytes of a call's metadata, 32 for each entry included."""
        return round(self.max_metadata_kb * KIBI)
