"""The limits of the transport: refused by name when they make no sense."""

from typing import Any

import pytest

from facewire_server.config import Config
from facewire_server.errors import ConfigError
from facewire_server.limits import Limits
from facewire_server.rpc.channel_options import NEVER, channel_options


@pytest.mark.parametrize(
    ("settings", "flag"),
    [
        ({"max_connections": 0}, "--max-connections"),
        ({"max_streams": 0}, "--max-streams"),
        ({"max_calls": 2**31}, "--max-calls"),
        ({"max_watches": 0}, "--max-watches"),
        ({"max_metadata_kb": 0.5}, "--max-metadata-kb"),
        ({"handshake_seconds": 0}, "--handshake-seconds"),
        ({"message_seconds": float("nan")}, "--message-seconds"),
        ({"stream_idle_seconds": -1}, "--stream-idle-seconds"),
        ({"watch_idle_seconds": -1}, "--watch-idle-seconds"),
        ({"connection_idle_seconds": float("inf")}, "--connection-idle-seconds"),
        ({"connection_age_seconds": -1}, "--connection-age-seconds"),
        ({"connection_grace_seconds": -1}, "--connection-grace-seconds"),
        ({"keepalive_seconds": -1}, "--keepalive-seconds"),
    ],
)
def test_a_limit_out_of_range_names_its_flag(settings: dict[str, Any], flag: str) -> None:
    with pytest.raises(ConfigError, match=flag):
        Limits(**settings)


def test_no_limit_is_what_grpc_takes_for_never() -> None:
    limits = Limits(connection_age_seconds=0, connection_idle_seconds=1.5)
    options = dict(channel_options(Config(limits=limits), shares_port=False))
    assert options["grpc.max_connection_age_ms"] == NEVER
    assert options["grpc.max_connection_idle_ms"] == 1500


def test_a_message_limit_beyond_what_grpc_counts_to_is_the_most_it_counts() -> None:
    options = dict(channel_options(Config(max_message_mb=2047), shares_port=False))
    assert options["grpc.max_receive_message_length"] == NEVER
