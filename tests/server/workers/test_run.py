"""The port that the processes of one server share, and no other program."""

import socket

import pytest

from facewire_server.errors import ConfigError
from facewire_server.workers.run import SharedPort


def test_a_free_port_is_found_and_can_be_shared() -> None:
    with SharedPort("127.0.0.1", 0) as shared:
        assert shared.port > 0
        for _ in range(2):
            with socket.socket() as other:
                other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                other.bind(("127.0.0.1", shared.port))


def test_the_port_is_reserved_at_all_addresses_of_a_name() -> None:
    with SharedPort("localhost", 0) as shared:
        for ip, family in ("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6):
            with socket.socket(family) as other, pytest.raises(OSError):
                other.bind((ip, shared.port))


def test_a_port_of_another_listener_is_refused_even_if_that_would_share_it() -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(ConfigError, match="the port is taken"):
            SharedPort("127.0.0.1", other.getsockname()[1])


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(ConfigError, match="no such address"):
        SharedPort("192.0.2.1", 0)
