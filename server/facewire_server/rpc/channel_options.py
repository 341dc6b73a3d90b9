"""The server's settings as channel options of gRPC: see grpc/impl/channel_arg_names.h."""

from facewire_server.config import Config

MESSAGE_FACTOR = 2
"""gRPC refuses messages above this many times the limit, with its own error. Up to
there the server reads a message, and its error names the flag that raises the limit."""

NEVER = 2**31 - 1
"""The largest integer of gRPC's options; as a time it means never."""

KEEPALIVE_TIMEOUT_MS = 20_000
"""The time in which a peer must answer a ping."""

PING_INTERVAL_MS = 5_000
"""The shortest time between pings of a peer: clients may send one every 10 s, and pings
that were delayed on their way come sooner after each other."""

IDENTITY_AND_GZIP = 0b101
"""A bit set of compression algorithms."""

Option = tuple[str, int]


def channel_options(config: Config, *, shares_port: bool) -> tuple[Option, ...]:
    """Return the options of a server; `shares_port`: other workers listen on its port, too."""
    limits = config.limits
    message = min(MESSAGE_FACTOR * config.max_message_bytes, NEVER)
    metadata = limits.max_metadata_bytes
    return (
        # Two servers on one port are a mistake, unless both are workers of one server.
        ("grpc.so_reuseport", int(shares_port)),
        ("grpc.max_receive_message_length", message),
        ("grpc.max_send_message_length", -1),
        # gRPC hands gzip over as it is, and the parser of messages refuses it. gRPC would
        # expand 60 kB to 60 MB, in all calls at once, and before 1.85 without any limit; its
        # own refusal has no reason and does not say what to turn off.
        ("grpc.per_message_decompression", 0),
        ("grpc.compression_enabled_algorithms_bitset", IDENTITY_AND_GZIP),
        # Between the soft and the absolute limit gRPC refuses at random: both are the same.
        ("grpc.max_metadata_size", metadata),
        ("grpc.absolute_max_metadata_size", metadata),
        ("grpc.max_allowed_incoming_connections", limits.max_connections),
        ("grpc.max_concurrent_streams", limits.max_streams),
        ("grpc.server_handshake_timeout_ms", _ms(limits.handshake_seconds)),
        ("grpc.http2.settings_timeout", _ms(limits.handshake_seconds)),
        ("grpc.max_connection_idle_ms", _ms(limits.connection_idle_seconds)),
        ("grpc.max_connection_age_ms", _ms(limits.connection_age_seconds)),
        ("grpc.max_connection_age_grace_ms", _ms(limits.connection_grace_seconds)),
        ("grpc.keepalive_time_ms", _ms(limits.keepalive_seconds)),
        ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_MS),
        # gRPC has a separate, longer timeout for pings: both are set to the same value.
        ("grpc.http2.ping_timeout_ms", KEEPALIVE_TIMEOUT_MS),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", PING_INTERVAL_MS),
    )


def _ms(seconds: float) -> int:
    """Convert to milliseconds; 0 seconds mean no limit."""
    return min(round(1000 * seconds), NEVER) or NEVER
