"""What the settings of a server leave open to the network.

Rule: it tells, and refuses nothing; a network may be trusted, and a proxy may encrypt.
"""

from ipaddress import IPv6Address, ip_address

from facewire_server.config import Config
from facewire_server.system.addresses import UNIX

ENCRYPTION = "--tls-cert and --tls-key"
AUTHENTICATION = "--token-file or --tls-client-ca"


def warning(config: Config) -> str | None:
    """What an operator should know of where the server listens; None: all is well."""
    encrypted = config.tls_cert is not None
    asks = config.token_file is not None or config.tls_client_ca is not None
    if is_loopback(config.host) or (encrypted and asks):
        return None
    if encrypted:
        what, missing = "anyone may call", AUTHENTICATION
    elif asks:
        what, missing = "tokens and images travel in clear", ENCRYPTION
    else:
        what = "anyone may call, and images travel in clear"
        missing = f"{ENCRYPTION}, and {AUTHENTICATION}"
    return f"open beyond this machine, on {config.host}: {what}; missing: {missing}"


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a host; of names, only localhost."""
    if host.startswith(UNIX):
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return host.lower() == "localhost"
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback
