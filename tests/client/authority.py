"""A throw-away certificate authority."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID


class Identity(NamedTuple):
    """A private key and the certificate for it, both PEM."""

    private_key: bytes
    certificate_chain: bytes


class Authority:
    """Issues certificates, valid for an hour."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("authority")
        self._certificate = self._sign("authority", self._key, is_authority=True)

    @property
    def root_certificates(self) -> bytes:
        """The authority's own certificate in PEM."""
        return self._certificate.public_bytes(Encoding.PEM)

    def issue(self, name: str, address: str = "127.0.0.1", *, expired: bool = False) -> Identity:
        """Issue an identity with this name, for a host with this address."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._sign(name, key, address=address, expired=expired)
        return Identity(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
            certificate.public_bytes(Encoding.PEM),
        )

    def _sign(
        self,
        name: str,
        key: ec.EllipticCurvePrivateKey,
        *,
        is_authority: bool = False,
        address: str = "127.0.0.1",
        expired: bool = False,
    ) -> x509.Certificate:
        hour = timedelta(hours=1)
        end = datetime.now(UTC) + (-hour if expired else hour)
        addresses = [x509.IPAddress(ip_address(address))]
        return (
            x509.CertificateBuilder()
            .subject_name(_name(name))
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(end - 2 * hour)
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
            .add_extension(x509.SubjectAlternativeName(addresses), critical=False)
            .sign(self._key, SHA256())
        )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
