"""TLS credentials of a server: its certificate, its key, the authority of its clients.

Rule: gRPC gets only what was checked here, first with Python's TLS library, whose errors
say what is wrong, and then in a trial handshake. gRPC contains another TLS library, which
accepts less, and it reports nothing about a certificate that it cannot use: it goes on with
the one before, or refuses every client.
"""

import codecs
import os
import re
import ssl
import uuid
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import grpc

from facewire_server.errors import ConfigError, FacewireError

CERT, KEY, CLIENT_CA = "--tls-cert", "--tls-key", "--tls-client-ca"

KINDS = "; keys of RSA (not RSA-PSS), P-256 and P-384 are what it takes"

HANDSHAKE_SECONDS = 10.0
"""Seconds for the trial handshake, which takes some milliseconds on an idle machine."""

UNUSED_NAME = "facewire.invalid"
"""The host name that the client of the trial asks for; no certificate has it."""


class Certificates:
    """PEM files as credentials of a server; connections to come use what was loaded last.

    Established connections keep the certificate they were made with.
    """

    def __init__(self, cert: Path, key: Path, client_ca: Path | None) -> None:
        """`client_ca`: clients must show a certificate of this authority."""
        self._files = {CERT: cert, KEY: key}
        if client_ca is not None:
            self._files[CLIENT_CA] = client_ca
        # The configuration that gRPC has not taken yet. A deque, since `append` on one
        # thread and `pop` on another need no lock.
        self._pending: deque[grpc.ServerCertificateConfiguration] = deque(maxlen=1)

    @property
    def files(self) -> dict[str, Path]:
        """The files to read, by flag."""
        return self._files

    def load(self, contents: Mapping[str, bytes]) -> None:
        """Use these contents of the files, by flag, for the connections to come.

        Raises ConfigError, which names the flag; the old contents stay in use then.
        """
        chain, key, clients = contents[CERT], contents[KEY], contents.get(CLIENT_CA)
        self._check_certificates(CERT, chain)
        self._check_key(chain, key)
        if clients is not None:
            self._check_certificates(CLIENT_CA, clients)
        self._check_with_grpc(contents)
        self._pending.append(grpc.ssl_server_certificate_configuration([(key, chain)], clients))

    def credentials(self) -> grpc.ServerCredentials:
        """Return credentials to listen with: TLS 1.2 and 1.3. Call `load` before."""
        return grpc.dynamic_ssl_server_credentials(
            self._pending.pop(),
            self._take_pending,
            require_client_authentication=CLIENT_CA in self._files,
        )

    def _take_pending(self) -> Any:
        """Return a new configuration, or None to keep the current one.

        gRPC calls it before each handshake, on one of gRPC's threads.
        """
        try:
            return self._pending.pop()
        except IndexError:
            return None

    def _check_certificates(self, flag: str, pem: bytes) -> None:
        # Text in any encoding may stand between the certificates of a file.
        text = pem.decode("ascii", errors="ignore")
        try:
            _context().load_verify_locations(cadata=text)
        except (ssl.SSLError, ValueError):
            path = self._files[flag]
            raise ConfigError(f"{flag}: {path} holds no PEM certificate") from None

    def _check_key(self, chain: bytes, key: bytes) -> None:
        """Raise ConfigError when the key is not that of the certificate."""
        path = self._files[KEY]

        def refuse_passphrase() -> NoReturn:
            # Called for an encrypted key; without it OpenSSL would ask on the terminal.
            words = "is encrypted; give it without a passphrase"
            raise ConfigError(f"{KEY}: {path} {words}")

        try:
            with _file_of(chain) as cert_file, _file_of(key) as key_file:
                _context().load_cert_chain(cert_file, key_file, refuse_passphrase)
        except ssl.SSLError as error:
            if error.reason == "KEY_VALUES_MISMATCH":
                what = f"is not the key of the certificate in {self._files[CERT]}"
            else:
                what = f"cannot be used: {error.reason or 'no PEM private key'}"
            raise ConfigError(f"{KEY}: {path} {what}") from None

    def _check_with_grpc(self, contents: Mapping[str, bytes]) -> None:
        """Raise ConfigError for files that other libraries take and gRPC does not."""
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


class HandshakeError(FacewireError):
    """gRPC cannot use a certificate and its key, or an authority of clients."""


def try_handshake(key: bytes, chain: bytes) -> None:
    """Connect a gRPC client to a gRPC server that shows this certificate.

    Both run in this process. Dates and host names are not checked: a certificate that
    has expired, or is of another host, passes. Raises HandshakeError with the reason when
    client and server do not agree. Takes at most HANDSHAKE_SECONDS.
    """
    server, target = _trial_server(key, chain, None)
    server.start()
    # The client trusts the certificate itself, since its chain is for real clients to judge.
    trust = grpc.ssl_channel_credentials(chain)
    options = (("grpc.ssl_target_name_override", UNUSED_NAME),)
    try:
        with grpc.secure_channel(target, trust, options) as channel:
            call = channel.unary_unary(
                "/facewire/Trial",
                request_serializer=bytes,
                response_deserializer=bytes,
            )
            call(b"", timeout=HANDSHAKE_SECONDS)
    except grpc.RpcError as error:
        assert isinstance(error, grpc.Call)
        if not _agreed(error):
            raise HandshakeError(_reason(error)) from None
    finally:
        server.stop(None)


def try_authorities(key: bytes, chain: bytes, authorities: bytes) -> None:
    """Make a gRPC server that asks clients for a certificate of these authorities.

    `key` and `chain` have passed `try_handshake`. Raises HandshakeError.
    """
    _trial_server(key, chain, authorities)[0].stop(None)


def _trial_server(key: bytes, chain: bytes, authorities: bytes | None) -> tuple[grpc.Server, str]:
    """Make a server, and its target: an abstract socket, which leaves no file behind."""
    server = grpc.server(ThreadPoolExecutor(1))
    target = f"unix-abstract:facewire-{uuid.uuid4()}"
    credentials = grpc.ssl_server_credentials([(key, chain)], authorities)
    try:
        server.add_secure_port(target, credentials)
    except RuntimeError:
        raise HandshakeError("gRPC cannot read it") from None
    return server, target


def _agreed(error: grpc.Call) -> bool:
    """Whether the handshake came as far as the client's look at the name and the dates.

    UNIMPLEMENTED is the answer of the trial server, which has no methods, to a client
    that has accepted everything.
    """
    code, details = error.code(), error.details() or ""
    is_judged = re.search("verif|not in peer certificate", details, re.IGNORECASE)
    return code is grpc.StatusCode.UNIMPLEMENTED or is_judged is not None


def _reason(error: grpc.Call) -> str:
    if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
        return f"no handshake within {HANDSHAKE_SECONDS:g} s"
    last = re.sub(r"^.*last error: \w+: \S+: ", "", error.details() or "")
    return f"clients of gRPC come to no agreement with it: {last}"


@contextmanager
def _file_of(content: bytes) -> Iterator[str]:
    """Put content into a file in memory and yield its path: `ssl` reads keys from files."""
    descriptor = os.memfd_create("facewire")
    with open(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        yield f"/proc/self/fd/{descriptor}"


def _context() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
