"""Which certificates gRPC can serve with, and its clients take."""

import shutil
import socket
from pathlib import Path

import grpc
import pytest

from facewire_server.security import handshake
from facewire_server.security.handshake import HandshakeError, try_authorities, try_handshake
from tests.client.authority import Authority, Identity
from tests.server.key_kinds import BAD, GOOD, identity, rsa_pss

MARK = b"\xef\xbb\xbf"


def attempt(pair: Identity) -> None:
    try_handshake(pair.private_key, pair.certificate_chain)


@pytest.mark.parametrize("kind", GOOD)
def test_a_certificate_that_clients_of_grpc_take_is_good(kind: str) -> None:
    attempt(identity(kind))


def test_what_a_certificate_is_for_and_until_when_is_not_on_trial() -> None:
    attempt(identity("P-256", days=-1))
    attempt(Authority().issue("server", "192.0.2.1"))


@pytest.mark.parametrize("kind", BAD)
def test_a_certificate_that_only_other_libraries_take_is_refused(kind: str) -> None:
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


def test_a_server_that_does_not_answer_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(handshake, "SECONDS", 0.2)
    monkeypatch.setattr(grpc, "server", _Silent)
    with pytest.raises(HandshakeError, match=r"no handshake within 0\.2 s"):
        attempt(identity("P-256"))


class _Silent:
    """Listens as a server does, and never says a word."""

    def __init__(self, threads: object) -> None:
        self._socket = socket.socket(socket.AF_UNIX)

    def add_secure_port(self, target: str, credentials: object) -> int:
        self._socket.bind(f"\0{target.removeprefix('unix-abstract:')}")
        return 1

    def start(self) -> None:
        self._socket.listen()

    def stop(self, grace: None) -> None:
        self._socket.close()
