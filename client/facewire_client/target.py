"""Where a server is, as gRPC wants it: HOST:PORT, unix:PATH, or another gRPC target."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple

# https://github.com/grpc/grpc/blob/master/doc/naming.md
_SCHEME = re.compile(r"(dns|ipv4|ipv6|unix|unix-abstract|vsock|xds|google-c2p):", re.IGNORECASE)
_SOCKETS = ("unix", "unix-abstract", "vsock")
_HOST_PORT = re.compile(r"(\[[^\[\]/@ ]+\]|[^\[\]/@: ]+)(?::(\d+))?", re.ASCII)


class Target(NamedTuple):
    """What was read of a target.

    `host` has no brackets; empty: there is none, or more than one.
    """

    scheme: str
    host: str

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine, by its name: loopback, or a socket of Unix."""
        if self.scheme in _SOCKETS:
            return True
        address = address_of(self.host)
        if address is None:
            return self.host.lower().rstrip(".") == "localhost"
        mapped = getattr(address, "ipv4_mapped", None)
        return (mapped or address).is_loopback


def read_target(target: str) -> Target:
    """Takes a target apart. Raises ValueError, with what to give, for none."""
    if not target:
        raise ValueError("the target is empty; give HOST:PORT or unix:PATH")
    if not target.isprintable():
        raise ValueError(f"the target {target!r} is no text of one line")
    if match := _SCHEME.match(target):
        return _with_scheme(match[1].lower(), target)
    if "://" in target:
        raise ValueError(f"{target} is a URL; give HOST:PORT or unix:PATH")
    match = _HOST_PORT.fullmatch(target)
    if match is None:
        raise ValueError(_advice(target))
    host, port = match.groups()
    if port is None:
        raise ValueError(f"{target} has no port; give HOST:PORT, as in {host}:50051")
    if not 1 <= int(port) <= 65535:
        raise ValueError(f"the port of {target} is not in 1..65535")
    return Target("dns", host.strip("[]"))


def address_of(host: str) -> IPv4Address | IPv6Address | None:
    """The IP address that a host is; None: it is a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def _with_scheme(scheme: str, target: str) -> Target:
    path = target.partition(":")[2]
    if scheme == "unix" and (path.startswith("//") and not path.startswith("///")):
        raise ValueError(f"{target} is no path; give unix:PATH or unix:///PATH")
    if not path.strip("/"):
        raise ValueError(f"there is nothing behind {scheme}: in {target}")
    match = _HOST_PORT.fullmatch(re.sub("^//[^/]*/", "", path))
    return Target(scheme, match[1].strip("[]") if match else "")


def _advice(target: str) -> str:
    """What is wrong with a target that is not HOST:PORT."""
    if isinstance(address_of(target), IPv6Address):
        return f"the IPv6 address {target} needs brackets and a port: [{target}]:50051"
    host, _, port = target.rpartition(":")
    if isinstance(address_of(host), IPv6Address):
        return f"the IPv6 address in {target} needs brackets: [{host}]:{port}"
    return f"{target} is not HOST:PORT, as in 127.0.0.1:50051 or [::1]:50051"
