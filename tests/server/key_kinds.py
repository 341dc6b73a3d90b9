"""Self-signed certificates with keys of many kinds."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import (
    CertificateIssuerPrivateKeyTypes,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from tests.client.authority import Identity

GOOD = ("RSA", "P-256", "P-384")
"""Kinds that gRPC's servers and clients support."""

BAD = ("P-521", "brainpool", "secp256k1", "Ed25519", "Ed448")
"""Kinds that only other libraries support."""


def identity(kind: str, *, days: int = 1) -> Identity:
    """A key of one of these kinds, and its certificate for `days` days from now."""
    key = _key(kind)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now + timedelta(days=days))
        .sign(key, None if kind.startswith("Ed") else SHA256())
    )
    return Identity(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        certificate.public_bytes(Encoding.PEM),
    )


def rsa_pss(folder: Path) -> Identity:
    """A key that may sign by RSA-PSS alone, and its certificate, made by openssl."""
    key, certificate = folder / "pss.key", folder / "pss.pem"
    for arguments in (
        ("genpkey", "-algorithm", "RSA-PSS", "-out", key),
        (
            "req",
            "-x509",
            "-new",
            "-key",
            key,
            "-subj",
            "/CN=server",
            "-out",
            certificate,
        ),
    ):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)
    return Identity(key.read_bytes(), certificate.read_bytes())


def _key(kind: str) -> CertificateIssuerPrivateKeyTypes:
    match kind:
        case "RSA":
            return rsa.generate_private_key(65537, 2048)
        case "Ed25519":
            return ed25519.Ed25519PrivateKey.generate()
        case "Ed448":
            return ed448.Ed448PrivateKey.generate()
    curves = {
        "P-256": ec.SECP256R1(),
        "P-384": ec.SECP384R1(),
        "P-521": ec.SECP521R1(),
        "brainpool": ec.BrainpoolP256R1(),
        "secp256k1": ec.SECP256K1(),
    }
    return ec.generate_private_key(curves[kind])
