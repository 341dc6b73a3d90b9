"""What a host stands for, and what is said of one that cannot be had."""

import errno
import os
import socket
from pathlib import Path

import pytest

from facewire_server.system import addresses
from facewire_server.system.addresses import (
    LOCALHOST,
    bind_socket,
    endpoints,
    listen_error,
    target_of,
)

V4, V6 = LOCALHOST


@pytest.mark.parametrize(
    ("host", "target"),
    [
        ("127.0.0.1", "127.0.0.1:7"),
        ("::1", "[::1]:7"),
        ("localhost", "localhost:7"),
        ("unix:/run/x", "unix:/run/x"),
    ],
)
def test_the_target_of_a_host(host: str, target: str) -> None:
    assert target_of(host, 7) == target


def test_only_a_unix_host_has_a_socket_path() -> None:
    assert addresses.socket_path("unix:/run/x") == Path("/run/x")
    assert addresses.socket_path("127.0.0.1") is None


def test_the_port_of_a_single_address_is_left_to_the_listener() -> None:
    assert endpoints(V4, 0) == ((V4,), 0)


def test_localhost_is_both_addresses_with_one_port() -> None:
    ips, port = endpoints("LocalHost", 0)
    assert ips == LOCALHOST
    assert port > 0
    assert endpoints("localhost", port) == (LOCALHOST, port)


def resolve(monkeypatch: pytest.MonkeyPatch, *ips: str) -> None:
    """Has a name stand for these addresses."""
    real = socket.getaddrinfo

    def found(host: str, port: int, **more: int) -> list[object]:
        hosts = ips if host == "a.name" else (host,)
        return [each for ip in hosts for each in real(ip, port, **more)]

    monkeypatch.setattr(socket, "getaddrinfo", found)


def test_addresses_of_other_machines_and_duplicates_are_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolve(monkeypatch, "192.0.2.1", V4, V4)
    ips, _ = endpoints("a.name", 0)
    assert ips == (V4,)


def test_a_port_that_is_taken_at_one_address_is_not_free() -> None:
    with bind_socket(V6, 0) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OSError) as error:
            endpoints("localhost", port)
    assert error.value.errno == errno.EADDRINUSE


def test_another_port_is_tried_when_the_first_is_free_at_only_one_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refused = list[int]()

    def bind(ip: str, port: int) -> socket.socket:
        if ip == V6 and len(refused) < 3:
            refused.append(port)
            raise OSError(errno.EADDRINUSE, "taken")
        return bind_socket(ip, port)

    monkeypatch.setattr(addresses, "bind_socket", bind)
    ips, port = endpoints("localhost", 0)
    assert ips == LOCALHOST
    assert len(refused) == 3
    assert port > 0


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("192.0.2.1", "192.0.2.1:7: this machine has no such address"),
        (
            "no-such.invalid",
            "no-such.invalid:7: 'no-such.invalid' cannot be resolved: ",
        ),
        ("", ":7: '' cannot be resolved: "),
        ("a..b", "a..b:7: 'a..b' cannot be resolved: not a name of a host"),
    ],
)
def test_a_host_that_cannot_be_used_is_an_error_with_the_reason(host: str, reason: str) -> None:
    with pytest.raises(OSError) as error:
        endpoints(host, 7)
    text = str(listen_error("listen", host, 7, error.value))
    assert text.startswith(f"cannot listen on {reason}")


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.EADDRINUSE, "the port is taken"),
        (errno.EACCES, "permission denied; ports under 1024 need CAP_NET_BIND_SERVICE"),
        (errno.ENOBUFS, "No buffer space available"),
    ],
)
def test_an_error_of_the_system_is_put_into_words(number: int, reason: str) -> None:
    error = OSError(number, os.strerror(number))
    text = f"cannot listen on 127.0.0.1:7: {reason}"
    assert str(listen_error("listen", V4, 7, error)) == text
