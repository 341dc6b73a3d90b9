"""The server's settings as gRPC's own arguments: see grpc/impl/channel_arg_names.h."""

from facewire_server.config import Config

HARD_LIMIT = 2
"""gRPC cuts a message off at this many times the limit, in its own words. Up to
there the server reads it and says which flag raises the limit."""

NEVER = 2**31 - 1
"""The largest of gRPC's integers: to times it means that they never come."""

KEEPALIVE_TIMEOUT_MS = 20_000
"""For a peer to say that it is there."""

IDENTITY_ONLY = 1
"""The set of compression algorithms with nothing in it but none."""

Option = tuple[str, int]


def channel_options(config: Config, *, shares_port: bool) -> tuple[Option, ...]:
    """What a server is made with; `shares_port`: with other workers of its own."""
    limits = config.limits
    message = min(HARD_LIMIT * config.max_message_bytes, NEVER)
    metadata = limits.max_metadata_bytes
    return (
        # Two servers on one port are a mistake, unless they are workers.
        ("grpc.so_reuseport", int(shares_port)),
        ("grpc.max_receive_message_length", message),
        ("grpc.max_send_message_length", -1),
        # Images do not get smaller, and 60 kB can be 60 MB of zeros.
        ("grpc.compression_enabled_algorithms_bitset", IDENTITY_ONLY),
        # The soft limit would refuse some of what is below the hard one, by chance.
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
        # A peer is asked by a ping, and pings have a longer time of their own.
        ("grpc.http2.ping_timeout_ms", KEEPALIVE_TIMEOUT_MS),
        ("grpc.keepalive_permit_without_calls", 1),
    )


def _ms(seconds: float) -> int:
    """Milliseconds, where 0 seconds are no limit."""
    return min(round(1000 * seconds), NEVER) or NEVER
