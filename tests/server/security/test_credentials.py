"""Certificates and keys that are no good are refused by the name of their flag."""

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from facewire_server.errors import ConfigError
from facewire_server.security.credentials import Certificates
from facewire_server.system.file_watch import FileWatch
from tests.server.key_kinds import identity
from tests.server.tls_files import TlsFiles


@pytest.fixture
def files(tmp_path: Path) -> TlsFiles:
    return TlsFiles(tmp_path)


def load(files: TlsFiles) -> None:
    certificates = Certificates(files.cert, files.key, files.client_ca)
    FileWatch("certificates", certificates.files, certificates.load)


def test_files_that_belong_together_are_taken(files: TlsFiles) -> None:
    load(files)


def test_a_certificate_may_have_text_around_it(files: TlsFiles) -> None:
    for path in files.cert, files.client_ca:
        path.write_bytes("Subject: CN = Zürich\n".encode() + path.read_bytes())
    load(files)


def test_only_three_files_are_read_at_most(files: TlsFiles) -> None:
    assert len(Certificates(files.cert, files.key, files.client_ca).files) == 3
    assert len(Certificates(files.cert, files.key, None).files) == 2


def encrypt(files: TlsFiles) -> None:
    key = load_pem_private_key(files.key.read_bytes(), None)
    locked = BestAvailableEncryption(b"passphrase")
    files.key.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked),
    )


def mark(path: Path) -> None:
    """Has a file begin as some editors save it."""
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())


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
def test_files_that_are_no_good_are_refused_by_flag(
    files: TlsFiles, spoil: Callable[[TlsFiles], None], message: str
) -> None:
    spoil(files)
    with pytest.raises(ConfigError, match=message) as refused:
        load(files)
    assert "PRIVATE" not in str(refused.value)
