"""Which HTTP proxy gRPC asks for a connection, to name it when that fails.

Rule: gRPC decides; this follows it (doc/environment_variables.md and
http_proxy_mapper.cc of gRPC) and never tells who the proxy is asked as.
"""

from collections.abc import Mapping
from ipaddress import ip_network
from urllib.parse import urlsplit

from facewire_client.target import Target, address_of

_VARIABLES = "grpc_proxy", "https_proxy", "http_proxy"


def proxy_of(target: Target, environment: Mapping[str, str]) -> str:
    """HOST:PORT of the proxy and the variable that names it; "": none is asked."""
    variable = next((name for name in _VARIABLES if name in environment), "")
    if not variable or target.is_local or _is_excepted(target, environment):
        return ""
    try:
        proxy = urlsplit(environment[variable])
    except ValueError:
        return ""
    place = proxy.netloc.rpartition("@")[2]
    if proxy.scheme != "http" or not place:
        return ""  # gRPC asks none then either
    return f"{place} ({variable})"


def _is_excepted(target: Target, environment: Mapping[str, str]) -> bool:
    excepted = environment.get("no_grpc_proxy", environment.get("no_proxy", ""))
    return any(_matches(target.host, entry.strip()) for entry in excepted.split(",") if entry)


def _matches(host: str, entry: str) -> bool:
    if host.lower().endswith(entry.lower()):
        return True
    address = address_of(host)
    try:
        return address is not None and "/" in entry and address in ip_network(entry, False)
    except ValueError:
        return False
