"""The warning at the start: which protection a server lacks beyond its own machine.

Rule: it refuses no setting, since a network may be trusted and a proxy may encrypt. It
imports no gRPC: the command warns before it loads the rest of the server.
"""

from ipaddress import IPv6Address, ip_address

from facewire_server.config import Config
from facewire_server.system.addresses import UNIX

ENCRYPTION = "--tls-cert and --tls-key"
AUTHENTICATION = "--token-file or --tls-client-ca"


def security_warning(config: Config) -> str | None:
    """Return one line for the operator of a server that is open to its network.

    None: it listens on loopback, or it both encrypts and authenticates.
    """
    encrypts = config.tls_cert is not None
    authenticates = config.token_file is not None or config.tls_client_ca is not None
    if is_loopback(config.host) or (encrypts and authenticates):
        return None
    if encrypts:
        what, missing = "anyone may call", AUTHENTICATION
    elif authenticates:
        what, missing = "tokens and images travel in clear", ENCRYPTION
    else:
        what = "anyone may call, and images travel in clear"
        missing = f"{ENCRYPTION}, and {AUTHENTICATION}"
    return f"open beyond this machine, on {config.host}: {what}; missing: {missing}"


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a host; of host names, only localhost."""
    if host.startswith(UNIX):
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return host.lower() == "localhost"
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback
