"""Certificates that change while a server runs."""

import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from facewire_server.lifecycle.background import BackgroundServer
from facewire_server.system import file_watch
from tests.client.authority import Authority
from tests.server.key_kinds import identity
from tests.server.replaced import replace, wait_until
from tests.server.tls_files import TlsFiles, answers, client, shown


@pytest.fixture
def changing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[BackgroundServer, TlsFiles]]:
    """A server that polls its files often, and the files, which one test may change."""
    monkeypatch.setattr(file_watch, "POLL_SECONDS", 0.02)
    files = TlsFiles(tmp_path)
    with BackgroundServer(files.config(mutual=True)) as server:
        yield server, files


def test_a_new_certificate_is_shown_and_no_call_is_cut(
    changing: tuple[BackgroundServer, TlsFiles], photo: bytes
) -> None:
    server, files = changing
    rotated = threading.Event()

    def frames() -> Iterator[bytes]:
        yield photo
        assert rotated.wait(60)
        yield photo

    another, mine = Authority(), shown(files.authority)
    with client(server, files.authority, **mine) as old:
        stream = old.detect_stream(frames())
        assert next(stream).result
        files.put(another.issue("server"))
        wait_until(lambda: answers(client(server, another, **mine)))
        assert not answers(client(server, files.authority, **mine))
        rotated.set()
        assert [len(answer.result.faces) for answer in stream if answer.result] == [1]
        assert len(old.detect(photo).faces) == 1


def test_another_authority_of_clients_applies_to_new_connections(
    changing: tuple[BackgroundServer, TlsFiles],
) -> None:
    server, files = changing
    another, own = Authority(), files.authority
    assert answers(client(server, own, **shown(own)))
    replace(files.client_ca, another.root_certificates)
    wait_until(lambda: answers(client(server, own, **shown(another))))
    assert not answers(client(server, own, **shown(own)))


def test_the_old_certificate_is_shown_until_the_new_one_has_its_key(
    changing: tuple[BackgroundServer, TlsFiles], caplog: pytest.LogCaptureFixture
) -> None:
    server, files = changing
    own, another = files.authority, Authority()
    new = another.issue("server")
    replace(files.cert, new.certificate_chain)
    wait_until(lambda: "certificates not reloaded" in caplog.text)
    assert "--tls-key" in caplog.text
    assert answers(client(server, own, **shown(own)))
    replace(files.key, new.private_key)
    wait_until(lambda: answers(client(server, another, **shown(own))))
    errors = [each for each in caplog.records if "not reloaded" in each.getMessage()]
    assert len(errors) == 1


@pytest.mark.parametrize("kind", ["P-521", "Ed448"])
def test_a_certificate_that_grpc_cannot_use_is_logged_and_never_used(
    changing: tuple[BackgroundServer, TlsFiles],
    caplog: pytest.LogCaptureFixture,
    kind: str,
) -> None:
    caplog.set_level(logging.INFO)
    server, files = changing
    own = files.authority
    files.put(identity(kind))
    wait_until(lambda: "certificates not reloaded" in caplog.text)
    assert "--tls-cert" in caplog.text
    assert answers(client(server, own, **shown(own)))
    files.put(own.issue("server"))
    wait_until(lambda: "certificates reloaded" in caplog.text)
    assert answers(client(server, own, **shown(own)))
