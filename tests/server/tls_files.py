"""A server's certificate, key and authority as files, and clients of such a server."""

from pathlib import Path
from typing import Any

import grpc

from facewire_client import FaceClient, FaceClientError
from facewire_server.config import Config
from facewire_server.lifecycle.background import BackgroundServer
from tests.client.authority import Authority, Identity


class TlsFiles:
    """The files of one server in a folder; `authority` has issued them."""

    def __init__(self, folder: Path) -> None:
        self.cert = folder / "server.pem"
        self.key = folder / "server.key"
        self.client_ca = folder / "clients.pem"
        self.authority = Authority()
        self.put(self.authority.issue("server"))
        self.client_ca.write_bytes(self.authority.root_certificates)

    def put(self, identity: Identity) -> None:
        """Replace the server's key and certificate."""
        self.key.write_bytes(identity.private_key)
        self.cert.write_bytes(identity.certificate_chain)

    def config(self, *, mutual: bool = False, token_file: Path | None = None) -> Config:
        """Return the settings of a server that uses the files."""
        return Config(
            port=0,
            metrics_port=None,
            tls_cert=self.cert,
            tls_key=self.key,
            tls_client_ca=self.client_ca if mutual else None,
            token_file=token_file,
        )


def client(server: BackgroundServer, trusted: Authority, **more: Any) -> FaceClient:
    """Make a client that trusts one authority; `more` are arguments of FaceClient."""
    root = trusted.root_certificates
    return FaceClient(server.target, root_certificates=root, **more)


def shown(authority: Authority, *, expired: bool = False) -> dict[str, bytes]:
    """Return a client's certificate and key, as arguments of FaceClient."""
    return authority.issue("client", expired=expired)._asdict()


def answers(asking: FaceClient) -> bool:
    """Whether a server answers this client; False when the connection cannot be made."""
    with asking:
        try:
            return asking.health()
        except FaceClientError as error:
            assert error.code is grpc.StatusCode.UNAVAILABLE
            return False
