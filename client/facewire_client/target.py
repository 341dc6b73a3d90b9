"""The target of a channel (HOST:PORT, unix:PATH, another gRPC name), and the proxy to it.

gRPC decides which HTTP proxy it uses (doc/environment_variables.md and http_proxy_mapper.cc of
gRPC); `proxy_of` repeats that decision, so that an error can name the proxy, and never returns
the proxy's user or password.
"""

import re
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import NamedTuple
from urllib.parse import urlsplit

# https://github.com/grpc/grpc/blob/master/doc/naming.md
_SCHEME = re.compile(r"(dns|ipv4|ipv6|unix|unix-abstract|vsock|xds|google-c2p):", re.IGNORECASE)
_SOCKETS = ("unix", "unix-abstract", "vsock")
_HOST_PORT = re.compile(r"(\[[^\[\]/@ ]+\]|[^\[\]/@: ]+)(?::(\d+))?", re.ASCII)
_PROXY_VARIABLES = "grpc_proxy", "https_proxy", "http_proxy"


class Target(NamedTuple):
    """The parts of a target.

    `scheme` is in lower case. `host` has no brackets; it is empty for a target without a host
    or with several.
    """

    scheme: str
    host: str

    @property
    def is_local(self) -> bool:
        """Whether the name says that it is on this machine: loopback, or a Unix socket."""
        if self.scheme in _SOCKETS:
            return True
        address = _address_of(self.host)
        if address is None:
            return self.host.lower().rstrip(".") == "localhost"
        mapped = getattr(address, "ipv4_mapped", None)
        return (mapped or address).is_loopback


def parse_target(target: str) -> Target:
    """Parse a target. Raises ValueError, which says what to give instead."""
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


def proxy_of(target: Target, environment: Mapping[str, str]) -> str:
    """Return "HOST:PORT (VARIABLE)" of the proxy that gRPC uses; "": it uses none."""
    variable = next((name for name in _PROXY_VARIABLES if name in environment), "")
    if not variable or target.is_local or _bypasses_proxy(target, environment):
        return ""
    try:
        proxy = urlsplit(environment[variable])
    except ValueError:
        return ""
    address = proxy.netloc.rpartition("@")[2]
    if proxy.scheme != "http" or not address:
        return ""  # gRPC ignores such a proxy too
    return f"{address} ({variable})"


def _bypasses_proxy(target: Target, environment: Mapping[str, str]) -> bool:
    patterns = environment.get("no_grpc_proxy", environment.get("no_proxy", ""))
    return any(_matches(target.host, each.strip()) for each in patterns.split(",") if each)


def _matches(host: str, pattern: str) -> bool:
    """Whether a host is in a domain or in a network in CIDR notation."""
    if host.lower().endswith(pattern.lower()):
        return True
    address = _address_of(host)
    try:
        return address is not None and "/" in pattern and address in ip_network(pattern, False)
    except ValueError:
        return False


def _address_of(host: str) -> IPv4Address | IPv6Address | None:
    """Return the IP address that a host is; None: it is a name."""
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
    """Return the error message for a target that is not HOST:PORT."""
    if isinstance(_address_of(target), IPv6Address):
        return f"the IPv6 address {target} needs brackets and a port: [{target}]:50051"
    host, _, port = target.rpartition(":")
    if isinstance(_address_of(host), IPv6Address):
        return f"the IPv6 address in {target} needs brackets: [{host}]:{port}"
    return f"{target} is not HOST:PORT, as in 127.0.0.1:50051 or [::1]:50051"
