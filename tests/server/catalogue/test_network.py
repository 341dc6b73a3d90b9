"""Where there is no network, and where there is a proxy before it."""

from pathlib import Path

import pytest

from facewire_server.catalogue.cache import Cache
from facewire_server.catalogue.entry import Entry
from facewire_server.catalogue.fetch import RetryPolicy
from facewire_server.catalogue.pull import pull
from facewire_server.errors import ModelError
from tests.server.catalogue import tiny
from tests.server.catalogue.file_server import FileServer


@pytest.fixture
def far(tmp_path: Path) -> Entry:
    """The tiny model at an address that no machine has."""
    return tiny.catalogue(tmp_path / "far", "http://models.invalid").get(tiny.NAME)


def test_without_a_network_it_says_so(models: Cache, far: Entry, patience: RetryPolicy) -> None:
    with pytest.raises(
        ModelError,
        match=r"models.invalid.*: no connection \(.*gave up after 3 attempts$",
    ):
        pull(far, None, models, patience=patience)


def test_a_port_where_nobody_listens_is_no_connection(
    models: Cache, entry: Entry, patience: RetryPolicy
) -> None:
    mirror = "http://127.0.0.1:1"
    with pytest.raises(ModelError, match=r"no connection \(.*refused"):
        pull(entry, None, models, mirror=mirror, patience=patience)


def test_the_proxy_of_the_environment_is_asked(
    models: Cache,
    far: Entry,
    server: FileServer,
    patience: RetryPolicy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", server.url)
    pull(far, None, models, patience=patience)
    assert models.problem(far, "FP16") is None


@pytest.mark.parametrize("proxy", ["gopher://127.0.0.1", "http://127.0.0.1:port"])
def test_a_proxy_that_makes_no_sense_is_refused(
    proxy: str,
    models: Cache,
    far: Entry,
    patience: RetryPolicy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy)
    with pytest.raises(ModelError, match="proxy"):
        pull(far, None, models, patience=patience)


@pytest.mark.parametrize("content", [None, b"no certificate"])
def test_certificates_that_cannot_be_read_are_named(
    content: bytes | None,
    models: Cache,
    far: Entry,
    patience: RetryPolicy,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "authorities.pem"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with pytest.raises(ModelError, match=r"SSL_CERT_FILE or .* cannot be read"):
        pull(far, None, models, patience=patience)


def test_a_mirror_that_is_no_address_is_refused(models: Cache, entry: Entry) -> None:
    with pytest.raises(ModelError, match="is no address"):
        pull(entry, None, models, mirror="http://mirror:port")


def test_a_password_in_an_address_is_not_shown(
    models: Cache, entry: Entry, patience: RetryPolicy
) -> None:
    mirror = "http://me:secret@127.0.0.1:1"
    with pytest.raises(ModelError) as refusal:
        pull(entry, None, models, mirror=mirror, patience=patience)
    assert "secret" not in str(refusal.value)
