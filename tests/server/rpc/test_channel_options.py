"""The limits of the transport as channel options of gRPC."""

from facewire_server.config import Config, TransportLimits
from facewire_server.rpc.channel_options import NEVER, channel_options


def test_no_limit_is_what_grpc_takes_for_never() -> None:
    limits = TransportLimits(connection_age_seconds=0, connection_idle_seconds=1.5)
    options = dict(channel_options(Config(limits=limits), shares_port=False))
    assert options["grpc.max_connection_age_ms"] == NEVER
    assert options["grpc.max_connection_idle_ms"] == 1500


def test_a_message_limit_beyond_what_grpc_counts_to_is_the_most_it_counts() -> None:
    options = dict(channel_options(Config(max_message_mb=2047), shares_port=False))
    assert options["grpc.max_receive_message_length"] == NEVER
