"""A certificate, its key and an authority as files, as an operator has them."""

from pathlib import Path

from facewire_server.config import Config
from tests.client.authority import Authority, Identity


class TlsFiles:
    """Files of a server's in a folder; `authority` has issued them."""

    def __init__(self, folder: Path) -> None:
        self.cert = folder / "server.pem"
        self.key = folder / "server.key"
        self.client_ca = folder / "clients.pem"
        self.authority = Authority()
        self.put(self.authority.issue("server"))
        self.client_ca.write_bytes(self.authority.root_certificates)

    def put(self, identity: Identity) -> None:
        """Has another identity in the place of the server's."""
        self.key.write_bytes(identity.private_key)
        self.cert.write_bytes(identity.certificate_chain)

    def config(self, *, mutual: bool = False, token_file: Path | None = None) -> Config:
        """The settings of a server that uses them."""
        return Config(
            port=0,
            metrics_port=None,
            tls_cert=self.cert,
            tls_key=self.key,
            tls_client_ca=self.client_ca if mutual else None,
            token_file=token_file,
        )
