"""The server's certificate and its key, and the authority of its clients.

Rule: what gRPC gets has been checked and tried here: of what it dislikes it says
nothing useful.
"""

import codecs
import os
import ssl
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import grpc

from facewire_server.errors import ConfigError
from facewire_server.security.handshake import HandshakeError, try_authorities, try_handshake

CERT, KEY, CLIENT_CA = "--tls-cert", "--tls-key", "--tls-client-ca"

KINDS = "; keys of RSA (not RSA-PSS), P-256 and P-384 are what it takes"


class Certificates:
    """PEM files, as credentials of a server that follow when they are loaded again.

    Connections that stand keep what they were made with.
    """

    def __init__(self, cert: Path, key: Path, client_ca: Path | None) -> None:
        """`client_ca`: clients must show a certificate of this authority."""
        self._files = {CERT: cert, KEY: key}
        if client_ca is not None:
            self._files[CLIENT_CA] = client_ca
        self._newest: deque[grpc.ServerCertificateConfiguration] = deque(maxlen=1)

    @property
    def files(self) -> dict[str, Path]:
        """What they are read from, by flag."""
        return self._files

    def load(self, contents: Mapping[str, bytes]) -> None:
        """Takes what is in the files, by flag, for the connections to come.

        Raises ConfigError, which names the flag, and then the old ones hold on.
        """
        chain, key, clients = contents[CERT], contents[KEY], contents.get(CLIENT_CA)
        self._check_certificates(CERT, chain)
        self._check_key(chain, key)
        if clients is not None:
            self._check_certificates(CLIENT_CA, clients)
        self._try(contents)
        self._newest.append(grpc.ssl_server_certificate_configuration([(key, chain)], clients))

    def credentials(self) -> grpc.ServerCredentials:
        """What a server listens with: TLS 1.2 and 1.3. Load the files before."""
        return grpc.dynamic_ssl_server_credentials(
            self._newest.pop(),
            self._changed,
            require_client_authentication=CLIENT_CA in self._files,
        )

    def _changed(self) -> Any:
        """The configuration if it is a new one, or else None.

        gRPC asks before each handshake, on a thread of its own.
        """
        try:
            return self._newest.pop()
        except IndexError:
            return None

    def _check_certificates(self, flag: str, pem: bytes) -> None:
        # Between the certificates a file may have text in any encoding.
        text = pem.decode("ascii", errors="ignore")
        try:
            _context().load_verify_locations(cadata=text)
        except (ssl.SSLError, ValueError):
            path = self._files[flag]
            raise ConfigError(f"{flag}: {path} holds no PEM certificate") from None

    def _check_key(self, chain: bytes, key: bytes) -> None:
        """Raises ConfigError when the two do not belong together."""
        path = self._files[KEY]

        def refuse() -> NoReturn:
            words = "is encrypted; give it without a passphrase"
            raise ConfigError(f"{KEY}: {path} {words}")

        try:
            with _file_of(chain) as cert_file, _file_of(key) as key_file:
                _context().load_cert_chain(cert_file, key_file, refuse)
        except ssl.SSLError as error:
            if error.reason == "KEY_VALUES_MISMATCH":
                what = f"is not the key of the certificate in {self._files[CERT]}"
            else:
                what = f"cannot be used: {error.reason or 'no PEM private key'}"
            raise ConfigError(f"{KEY}: {path} {what}") from None

    def _try(self, contents: Mapping[str, bytes]) -> None:
        """Raises ConfigError where gRPC cannot do with what other libraries can."""
        chain, key, clients = contents[CERT], contents[KEY], contents.get(CLIENT_CA)
        flag, hint = CERT, KINDS
        try:
            try_handshake(key, chain)
            flag, hint = CLIENT_CA, ""
            if clients is not None:
                try_authorities(key, chain, clients)
        except HandshakeError as error:
            for each, pem in contents.items():
                if pem.startswith(codecs.BOM_UTF8):
                    flag, hint = each, "; it begins with a byte order mark"
            raise ConfigError(f"{flag}: {self._files[flag]}: {error}{hint}") from None


@contextmanager
def _file_of(content: bytes) -> Iterator[str]:
    """The name of a file in memory: the library takes nothing but files."""
    descriptor = os.memfd_create("facewire")
    with open(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        yield f"/proc/self/fd/{descriptor}"


def _context() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
