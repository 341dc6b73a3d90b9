"""Encrypted connections, with and without a certificate of the client."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from facewire_client import AsyncFaceClient, FaceClient, FaceClientError
from tests.client.authority import Authority
from tests.client.fake_server import FakeServer


@pytest.fixture(scope="module")
def authority() -> Authority:
    """Whom server and clients trust."""
    return Authority()


@pytest.fixture(scope="module")
def secure(authority: Authority) -> Iterator[FakeServer]:
    """A server that shows a certificate and asks for none."""
    key, chain = authority.issue("server")
    credentials = grpc.ssl_server_credentials([(key, chain)])
    with FakeServer(credentials) as server:
        yield server


@pytest.fixture(scope="module")
def mutual(authority: Authority) -> Iterator[FakeServer]:
    """A server that asks for a certificate of the authority's, too."""
    key, chain = authority.issue("server")
    credentials = grpc.ssl_server_credentials(
        [(key, chain)], authority.root_certificates, require_client_auth=True
    )
    with FakeServer(credentials) as server:
        yield server


def refused(client: FaceClient, target: str) -> None:
    """Check that a client cannot connect to the server at `target`."""
    with client, pytest.raises(FaceClientError) as caught:
        client.health()
    assert caught.value.code is grpc.StatusCode.UNAVAILABLE
    assert caught.value.message.startswith(f"cannot reach {target}: ")


def test_a_server_of_a_trusted_authority_is_answered(
    secure: FakeServer, authority: Authority
) -> None:
    root = authority.root_certificates
    with FaceClient(secure.target, root_certificates=root) as client:
        assert client.detect(b"xyz").image_size[0] == 3


def test_root_certificates_may_be_a_file(
    secure: FakeServer, authority: Authority, tmp_path: Path
) -> None:
    path = tmp_path / "root.pem"
    path.write_bytes(authority.root_certificates)
    for root in path, str(path):
        with FaceClient(secure.target, root_certificates=root) as client:
            assert client.health()


def test_the_asyncio_client_uses_tls(secure: FakeServer, authority: Authority) -> None:
    async def main() -> bool:
        root = authority.root_certificates
        async with AsyncFaceClient(secure.target, root_certificates=root) as client:
            return await client.health()

    assert asyncio.run(main())


def test_a_token_goes_over_tls(secure: FakeServer, authority: Authority) -> None:
    root = authority.root_certificates
    with FaceClient(secure.target, token="t", root_certificates=root) as client:
        client.detect(b"x")
    assert secure.metadata[-1]["authorization"] == "Bearer t"


def test_a_server_of_another_authority_is_refused(secure: FakeServer) -> None:
    root = Authority().root_certificates
    refused(FaceClient(secure.target, root_certificates=root), secure.target)


def test_tls_alone_trusts_the_public_authorities_only(secure: FakeServer) -> None:
    refused(FaceClient(secure.target, tls=True), secure.target)


def test_a_client_without_tls_is_refused(secure: FakeServer) -> None:
    refused(FaceClient(secure.target), secure.target)


def test_a_client_with_a_certificate_is_accepted(mutual: FakeServer, authority: Authority) -> None:
    private_key, certificate_chain = authority.issue("client")
    with FaceClient(
        mutual.target,
        root_certificates=authority.root_certificates,
        private_key=private_key,
        certificate_chain=certificate_chain,
    ) as client:
        assert client.health()


def test_a_client_without_a_certificate_is_refused(
    mutual: FakeServer, authority: Authority
) -> None:
    root = authority.root_certificates
    refused(FaceClient(mutual.target, root_certificates=root), mutual.target)
