"""Which certificates and keys a server takes; others are refused by the name of their flag."""

import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from facewire_server.errors import ConfigError
from facewire_server.security import credentials
from facewire_server.security.credentials import (
    Certificates,
    HandshakeError,
    try_authorities,
    try_handshake,
)
from facewire_server.system.file_watch import FileWatch
from tests.client.authority import Authority, Identity
from tests.server.key_kinds import BAD, GOOD, identity, rsa_pss
from tests.server.tls_files import TlsFiles

MARK = b"\xef\xbb\xbf"
"""The byte order mark of UTF-8, which some editors put at the start of a file."""


@pytest.fixture
def files(tmp_path: Path) -> TlsFiles:
    return TlsFiles(tmp_path)


def load(files: TlsFiles) -> None:
    certificates = Certificates(files.cert, files.key, files.client_ca)
    FileWatch("certificates", certificates.files, certificates.load)


def test_a_certificate_with_its_key_is_accepted(files: TlsFiles) -> None:
    load(files)


def test_a_certificate_may_have_text_around_it(files: TlsFiles) -> None:
    for path in files.cert, files.client_ca:
        path.write_bytes("Subject: CN = Zürich\n".encode() + path.read_bytes())
    load(files)


def test_the_authority_of_clients_is_read_only_if_there_is_one(files: TlsFiles) -> None:
    assert len(Certificates(files.cert, files.key, files.client_ca).files) == 3
    assert len(Certificates(files.cert, files.key, None).files) == 2


def encrypt(files: TlsFiles) -> None:
    key = load_pem_private_key(files.key.read_bytes(), None)
    locked = BestAvailableEncryption(b"passphrase")
    files.key.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked),
    )


def mark(path: Path) -> None:
    """Put a byte order mark at the start of a file."""
    path.write_bytes(MARK + path.read_bytes())


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda files: files.cert.unlink(), "--tls-cert: cannot read .*: No such file"),
        (lambda files: files.key.unlink(), "--tls-key: cannot read .*: No such file"),
        (
            lambda files: files.client_ca.unlink(),
            "--tls-client-ca: cannot read .*: No such file",
        ),
        (lambda files: files.cert.write_bytes(b""), "--tls-cert: .* holds no PEM cert"),
        (
            lambda files: files.client_ca.write_bytes(b"none"),
            "--tls-client-ca: .* holds no PEM certificate",
        ),
        (
            lambda files: files.cert.write_bytes(files.cert.read_bytes()[:200]),
            "--tls-cert: .* holds no PEM certificate",
        ),
        (lambda files: files.key.write_bytes(b""), "--tls-key: .*no PEM private key"),
        (
            lambda files: files.key.write_bytes(files.cert.read_bytes()),
            "--tls-key: .*no PEM private key",
        ),
        (
            lambda files: files.key.write_bytes(files.authority.issue("another").private_key),
            "--tls-key: .* is not the key of the certificate in ",
        ),
        (encrypt, "--tls-key: .* is encrypted"),
        (
            lambda files: files.put(identity("Ed25519")),
            "--tls-cert: .* come to no agreement with it: .* keys of RSA",
        ),
        (
            lambda files: files.put(identity("brainpool")),
            "--tls-cert: .* gRPC cannot read it; keys of RSA",
        ),
        (
            lambda files: mark(files.cert),
            "--tls-cert: .* cannot read it; it begins with a byte order mark",
        ),
        (
            lambda files: mark(files.key),
            "--tls-key: .* cannot read it; it begins with a byte order mark",
        ),
        (
            lambda files: mark(files.client_ca),
            "--tls-client-ca: .* cannot read it; it begins with a byte order mark",
        ),
    ],
)
def test_a_bad_file_is_refused_by_the_name_of_its_flag(
    files: TlsFiles, spoil: Callable[[TlsFiles], None], message: str
) -> None:
    spoil(files)
    with pytest.raises(ConfigError, match=message) as refused:
        load(files)
    assert "PRIVATE" not in str(refused.value)


def attempt(pair: Identity) -> None:
    try_handshake(pair.private_key, pair.certificate_chain)


@pytest.mark.parametrize("kind", GOOD)
def test_a_certificate_that_grpc_clients_accept_passes(kind: str) -> None:
    attempt(identity(kind))


def test_the_dates_and_the_host_of_a_certificate_are_not_on_trial() -> None:
    attempt(identity("P-256", days=-1))
    attempt(Authority().issue("server", "192.0.2.1"))


@pytest.mark.parametrize("kind", BAD)
def test_a_certificate_that_only_other_libraries_accept_is_refused(kind: str) -> None:
    with pytest.raises(HandshakeError, match="gRPC"):
        attempt(identity(kind))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl")
def test_a_key_for_rsa_pss_alone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HandshakeError, match="cannot read it"):
        attempt(rsa_pss(tmp_path))


def test_a_byte_order_mark_is_refused_in_a_key_a_chain_and_authorities() -> None:
    key, chain = identity("P-256")
    try_authorities(key, chain, chain)
    with pytest.raises(HandshakeError, match="cannot read it"):
        attempt(Identity(MARK + key, chain))
    with pytest.raises(HandshakeError, match="cannot read it"):
        attempt(Identity(key, MARK + chain))
    with pytest.raises(HandshakeError, match="cannot read it"):
        try_authorities(key, chain, MARK + chain)


def test_a_handshake_without_an_answer_times_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(credentials, "HANDSHAKE_SECONDS", 0.2)
    monkeypatch.setattr(grpc, "server", _Silent)
    with pytest.raises(HandshakeError, match=r"no handshake within 0\.2 s"):
        attempt(identity("P-256"))


class _Silent:
    """Listens as a server does, and never sends anything."""

    def __init__(self, threads: object) -> None:
        self._socket = socket.socket(socket.AF_UNIX)

    def add_secure_port(self, target: str, credentials: object) -> int:
        self._socket.bind(f"\0{target.removeprefix('unix-abstract:')}")
        return 1

    def start(self) -> None:
        self._socket.listen()

    def stop(self, grace: None) -> None:
        self._socket.close()
