"""Where a server listens: what a host stands for, and why it cannot be had.

A host is an address, a name, which may stand for several addresses, or `unix:PATH`.
"""

import errno
import socket
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from facewire_server.errors import ConfigError

UNIX = "unix:"

LOCALHOST = ("127.0.0.1", "::1")
"""Both, whatever the machine's own list of hosts says: RFC 6761."""

NOT_HERE = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}

TRIES = 10
"""For a port that is free at all addresses of a host."""


class Endpoints(NamedTuple):
    """IP addresses and the port at them; 0 where there is one, and any port will do."""

    ips: tuple[str, ...]
    port: int


def socket_path(host: str) -> Path | None:
    """The file of a Unix socket; None: the host has ports."""
    return Path(host.removeprefix(UNIX)) if host.startswith(UNIX) else None


def target_of(host: str, port: int) -> str:
    """How clients are told of it: HOST:PORT, [IPV6]:PORT, or unix:PATH."""
    if host.startswith(UNIX):
        return host
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def endpoints(host: str, port: int, *options: int) -> Endpoints:
    """The addresses of a host that this machine has, with a port free at all of them.

    `options` are those of the sockets that will listen. Raises OSError; `listen_error`
    has the words for it.
    """
    ips = _addresses(host)
    for _ in range(TRIES):
        try:
            return _free_endpoints(ips, port, options)
        except OSError as error:
            if port or error.errno != errno.EADDRINUSE:
                raise
    return _free_endpoints(ips, port, options)


def bound(ip: str, port: int, *options: int) -> socket.socket:
    """A socket at an address in numbers. Raises OSError, and closes it then."""
    family, kind, proto, _, address = socket.getaddrinfo(
        ip, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
    )[0]
    fresh = socket.socket(family, kind, proto)
    try:
        for option in (socket.SO_REUSEADDR, *options):
            fresh.setsockopt(socket.SOL_SOCKET, option, 1)
        fresh.bind(address)
    except OSError:
        fresh.close()
        raise
    return fresh


def listen_error(what: str, host: str, port: int, error: OSError) -> ConfigError:
    """What to raise for an error of `endpoints`; `what` cannot be done there."""
    return ConfigError(f"cannot {what} on {target_of(host, port)}: {_reason(host, error)}")


def _reason(host: str, error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return f"{host!r} cannot be resolved: {error.strerror}"
    if error.errno == errno.EADDRINUSE:
        return "the port is taken"
    if error.errno in NOT_HERE:
        return "this machine has no such address"
    if error.errno == errno.EACCES:
        return "permission denied; ports under 1024 need CAP_NET_BIND_SERVICE"
    return error.strerror or str(error)


def _addresses(host: str) -> tuple[str, ...]:
    if host.lower() == "localhost":
        return LOCALHOST
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)
    except UnicodeError:
        raise socket.gaierror(socket.EAI_NONAME, "not a name of a host") from None
    return tuple(dict.fromkeys(str(address[0]) for *_, address in found))


def _free_endpoints(ips: Sequence[str], port: int, options: Sequence[int]) -> Endpoints:
    """Binds sockets, to see whether it can be done, and closes them."""
    here, missing = list[str](), None
    with ExitStack() as stack:
        for ip in ips:
            try:
                found = stack.enter_context(bound(ip, port, *options))
            except OSError as error:
                if error.errno not in NOT_HERE:
                    raise
                missing = error
                continue
            here.append(ip)
            if len(ips) > 1:
                port = int(found.getsockname()[1])
    if missing is not None and not here:
        raise missing
    return Endpoints(tuple(here), port)
