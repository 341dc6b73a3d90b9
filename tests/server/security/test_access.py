"""Which clients a server with TLS lets in, over real connections."""

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from facewire_client import FaceClient, FaceClientError
from facewire_server.errors import ConfigError
from facewire_server.lifecycle.background import BackgroundServer
from tests.client.authority import Authority
from tests.server.key_kinds import identity
from tests.server.tls_files import TlsFiles, answers, client, shown


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    """The files of the servers of this module; no test changes them."""
    return TlsFiles(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def secure(files: TlsFiles) -> Iterator[BackgroundServer]:
    """A server that shows a certificate and asks for none."""
    with BackgroundServer(files.config()) as server:
        yield server


@pytest.fixture(scope="module")
def mutual(files: TlsFiles) -> Iterator[BackgroundServer]:
    """A server that asks for a certificate of the clients' authority, too."""
    with BackgroundServer(files.config(mutual=True)) as server:
        yield server


def test_a_client_that_trusts_the_authority_is_answered(
    secure: BackgroundServer, files: TlsFiles, photo: bytes
) -> None:
    with client(secure, files.authority) as asking:
        assert len(asking.detect(photo).faces) == 1


def test_a_client_without_tls_is_not_answered(secure: BackgroundServer) -> None:
    assert not answers(FaceClient(secure.target))


def test_a_client_that_trusts_another_authority_is_not_answered(
    secure: BackgroundServer,
) -> None:
    assert not answers(client(secure, Authority()))


@pytest.mark.parametrize("identity", [{"expired": True}, {"address": "127.0.0.2"}], ids=str)
def test_clients_refuse_a_certificate_that_is_expired_or_of_another_host(
    tmp_path: Path, identity: dict[str, Any]
) -> None:
    files = TlsFiles(tmp_path)
    files.put(files.authority.issue("server", **identity))
    with BackgroundServer(files.config()) as server:
        assert not answers(client(server, files.authority))


def test_a_client_with_a_certificate_is_answered(
    mutual: BackgroundServer, files: TlsFiles, photo: bytes
) -> None:
    with client(mutual, files.authority, **shown(files.authority)) as asking:
        assert len(asking.detect(photo).faces) == 1


def test_a_client_without_a_valid_certificate_is_not_answered(
    mutual: BackgroundServer, files: TlsFiles
) -> None:
    own = files.authority
    assert not answers(client(mutual, own))
    assert not answers(client(mutual, own, **shown(Authority())))
    assert not answers(client(mutual, own, **shown(own, expired=True)))
    assert answers(client(mutual, own, **shown(own)))


def test_client_certificates_and_tokens_are_both_needed(tmp_path: Path, photo: bytes) -> None:
    files = TlsFiles(tmp_path)
    token_file = tmp_path / "tokens"
    token_file.write_text("sesame")
    identity = shown(files.authority)
    with BackgroundServer(files.config(mutual=True, token_file=token_file)) as server:

        def code(**more: Any) -> str:
            with client(server, files.authority, **more) as asking:
                try:
                    return str(len(asking.detect(photo).faces))
                except FaceClientError as error:
                    return error.reason or error.code.name

        assert code(token="sesame", **identity) == "1"
        assert code(**identity) == "BAD_TOKEN"
        assert code(token="wrong", **identity) == "BAD_TOKEN"
        assert code(token="sesame") == "UNAVAILABLE"


def supports(server: BackgroundServer, version: ssl.TLSVersion) -> bool:
    """Whether a server supports this version of TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    # Or else this side would refuse an old version before the server does.
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.maximum_version = version
    address = "127.0.0.1", server.port
    try:
        with (
            socket.create_connection(address, timeout=60) as plain,
            context.wrap_socket(plain) as encrypted,
        ):
            return encrypted.version() == version.name.replace("_", ".")
    except (ssl.SSLError, ConnectionError):
        return False


def test_tls_1_2_and_1_3_are_supported(secure: BackgroundServer) -> None:
    assert supports(secure, ssl.TLSVersion.TLSv1_3)
    assert supports(secure, ssl.TLSVersion.TLSv1_2)
    with pytest.deprecated_call():
        assert not supports(secure, ssl.TLSVersion.TLSv1_1)


@pytest.mark.parametrize("kind", ["P-521", "Ed448"])
def test_a_server_does_not_start_with_a_certificate_that_grpc_cannot_use(
    tmp_path: Path, kind: str
) -> None:
    files = TlsFiles(tmp_path)
    files.put(identity(kind))
    with pytest.raises(ConfigError, match="--tls-cert: .*gRPC"):
        BackgroundServer(files.config()).__enter__()
