"""The server's certificate and its key, and the authority of its clients.

Rule: what gRPC gets has been checked here: of what it dislikes it says nothing useful.
"""

import ssl
from collections import deque
from pathlib import Path
from typing import Any, NoReturn

import grpc

from facewire_server.errors import ConfigError

CERT, KEY, CLIENT_CA = "--tls-cert", "--tls-key", "--tls-client-ca"


class Certificates:
    """PEM files, as credentials of a server that follow when they are loaded again.

    Connections that stand keep what they were made with.
    """

    def __init__(self, cert: Path, key: Path, client_ca: Path | None) -> None:
        """`client_ca`: clients must show a certificate of this authority."""
        self._cert = cert
        self._key = key
        self._client_ca = client_ca
        self._newest: deque[grpc.ServerCertificateConfiguration] = deque(maxlen=1)

    @property
    def files(self) -> tuple[Path, ...]:
        """What they are read from."""
        return (self._cert, self._key, *((self._client_ca,) if self._client_ca else ()))

    def load(self) -> None:
        """Reads the files, for the connections to come.

        Raises ConfigError, which names the flag, and then the old ones hold on.
        """
        chain, key = _read(CERT, self._cert), _read(KEY, self._key)
        _check_certificates(CERT, self._cert, chain)
        _check_key(self._cert, self._key)
        clients = None
        if self._client_ca is not None:
            clients = _read(CLIENT_CA, self._client_ca)
            _check_certificates(CLIENT_CA, self._client_ca, clients)
        self._newest.append(
            grpc.ssl_server_certificate_configuration([(key, chain)], clients)
        )

    def credentials(self) -> grpc.ServerCredentials:
        """What a server listens with: TLS 1.2 and 1.3. Load the files before."""
        return grpc.dynamic_ssl_server_credentials(
            self._newest.pop(),
            self._changed,
            require_client_authentication=self._client_ca is not None,
        )

    def _changed(self) -> Any:
        """The configuration if it is a new one, or else None.

        gRPC asks before each handshake, on a thread of its own.
        """
        try:
            return self._newest.pop()
        except IndexError:
            return None


def _read(flag: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{flag}: cannot read {path}: {error.strerror}") from None


def _check_certificates(flag: str, path: Path, pem: bytes) -> None:
    # Between the certificates a file may have text in any encoding.
    text = pem.decode("ascii", errors="ignore")
    try:
        _context().load_verify_locations(cadata=text)
    except (ssl.SSLError, ValueError):
        raise ConfigError(f"{flag}: {path} holds no PEM certificate") from None


def _check_key(cert: Path, key: Path) -> None:
    """Raises ConfigError when the files do not belong together."""

    def refuse() -> NoReturn:
        raise ConfigError(f"{KEY}: {key} is encrypted; give it without a passphrase")

    try:
        _context().load_cert_chain(cert, key, refuse)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            what = f"is not the key of the certificate in {cert}"
        else:
            what = f"cannot be used: {error.reason or 'no PEM private key'}"
        raise ConfigError(f"{KEY}: {key} {what}") from None
    except OSError as error:
        raise ConfigError(f"{KEY}: cannot read {key}: {error.strerror}") from None


def _context() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
