"""The limits of the transport: errors that name the option."""

from typing import Any

import pytest

from facewire_server.config import TransportLimits
from facewire_server.errors import ConfigError


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
        TransportLimits(**settings)
