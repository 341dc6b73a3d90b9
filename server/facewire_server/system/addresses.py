"""Addresses to listen at: those of a host, a target for clients, and error messages.

A host is an address, a name, which may have several addresses, or `unix:PATH`.
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
"""Both, whatever /etc/hosts says: RFC 6761, section 6.3."""

NOT_LOCAL = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
"""Errors of addresses that no interface of this machine has."""

TRIES = 10
"""How often to look for a port that is free at all addresses of a host."""


class Endpoints(NamedTuple):
    """IP addresses, and the port at each; 0 for a single address and any free port."""

    ips: tuple[str, ...]
    port: int


def socket_path(host: str) -> Path | None:
    """Return the path of a Unix socket; None: the host is an address or a name."""
    return Path(host.removeprefix(UNIX)) if host.startswith(UNIX) else None


def target_of(host: str, port: int) -> str:
    """Return the target for clients: HOST:PORT, [IPV6]:PORT or unix:PATH."""
    if host.startswith(UNIX):
        return host
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def endpoints(host: str, port: int, *options: int) -> Endpoints:
    """Find the addresses of a host on this machine, and a port free at all of them.

    `port` 0: any; `options` are those of the sockets that will listen. Raises OSError,
    which `listen_error` converts.
    """
    ips = _addresses(host)
    for _ in range(TRIES):
        try:
            return _free_endpoints(ips, port, options)
        except OSError as error:
            if port or error.errno != errno.EADDRINUSE:
                raise
    return _free_endpoints(ips, port, options)


def bind_socket(ip: str, port: int, *options: int) -> socket.socket:
    """Bind a new socket to a numeric address. Raises OSError."""
    family, kind, proto, _, address = socket.getaddrinfo(
        ip, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
    )[0]
    bound = socket.socket(family, kind, proto)
    try:
        for option in (socket.SO_REUSEADDR, *options):
            bound.setsockopt(socket.SOL_SOCKET, option, 1)
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound


def listen_error(action: str, host: str, port: int, error: OSError) -> ConfigError:
    """Convert an error of `endpoints`; `action` is what failed, such as "listen"."""
    return ConfigError(f"cannot {action} on {target_of(host, port)}: {_reason(host, error)}")


def _reason(host: str, error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return f"{host!r} cannot be resolved: {error.strerror}"
    if error.errno == errno.EADDRINUSE:
        return "the port is taken"
    if error.errno in NOT_LOCAL:
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
    """Bind sockets, to find out which addresses and port can be used, and close them."""
    local, missing = list[str](), None
    with ExitStack() as stack:
        for ip in ips:
            try:
                found = stack.enter_context(bind_socket(ip, port, *options))
            except OSError as error:
                if error.errno not in NOT_LOCAL:
                    raise
                missing = error
                continue
            local.append(ip)
            if len(ips) > 1:
                port = int(found.getsockname()[1])
    if missing is not None and not local:
        raise missing
    return Endpoints(tuple(local), port)
