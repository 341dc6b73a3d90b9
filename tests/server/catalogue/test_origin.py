"""Web origins without a network, behind a proxy, and with certificates of their own."""

from pathlib import Path

import pytest

from facewire_server.catalogue.cache import ModelCache
from facewire_server.catalogue.catalogue import PublishedModel
from facewire_server.catalogue.fetch import RetryPolicy
from facewire_server.catalogue.pull import pull
from facewire_server.errors import ModelError
from tests.server.catalogue import file_server as serve
from tests.server.catalogue import tiny
from tests.server.catalogue.file_server import Answer, FileServer

BIN = f"{tiny.BASE}/FP16/tiny.bin"


@pytest.fixture
def far(tmp_path: Path) -> PublishedModel:
    """The tiny model at an address that does not exist."""
    return tiny.catalogue(tmp_path / "far", "http://models.invalid").get(tiny.NAME)


def test_without_a_network_there_is_no_connection(
    cache: ModelCache, far: PublishedModel, policy: RetryPolicy
) -> None:
    with pytest.raises(
        ModelError,
        match=r"models.invalid.*: no connection \(.*gave up after 3 attempts$",
    ):
        pull(far, None, cache, policy=policy)


def test_a_closed_port_is_no_connection(
    cache: ModelCache, model: PublishedModel, policy: RetryPolicy
) -> None:
    mirror = "http://127.0.0.1:1"
    with pytest.raises(ModelError, match=r"no connection \(.*refused"):
        pull(model, None, cache, mirror=mirror, policy=policy)


def test_the_proxy_of_the_environment_is_used(
    cache: ModelCache,
    far: PublishedModel,
    server: FileServer,
    policy: RetryPolicy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", server.url)
    pull(far, None, cache, policy=policy)
    assert cache.problem(far, "FP16") is None


@pytest.mark.parametrize("proxy", ["gopher://127.0.0.1", "http://127.0.0.1:port"])
def test_a_malformed_proxy_is_refused(
    proxy: str,
    cache: ModelCache,
    far: PublishedModel,
    policy: RetryPolicy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy)
    with pytest.raises(ModelError, match="proxy"):
        pull(far, None, cache, policy=policy)


@pytest.mark.parametrize("content", [None, b"no certificate"])
def test_unreadable_certificates_are_named(
    content: bytes | None,
    cache: ModelCache,
    far: PublishedModel,
    policy: RetryPolicy,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "authorities.pem"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with pytest.raises(ModelError, match=r"SSL_CERT_FILE or .* cannot be read"):
        pull(far, None, cache, policy=policy)


def test_secrets_in_an_address_are_not_shown(
    cache: ModelCache, model: PublishedModel, policy: RetryPolicy
) -> None:
    mirror = "http://me:secret@127.0.0.1:1/base?sig=secret"
    with pytest.raises(ModelError) as caught:
        pull(model, None, cache, mirror=mirror, policy=policy)
    assert "secret" not in str(caught.value)


def test_a_mirror_may_need_a_query(
    cache: ModelCache, model: PublishedModel, server: FileServer, policy: RetryPolicy
) -> None:
    server.contents = {f"/b/tiny/{path}": body for path, body in tiny.FILES.items()}
    pull(model, None, cache, mirror=f"{server.url}/b/?sig=x", policy=policy)
    assert cache.problem(model, "FP16") is None
    assert set(server.queries) == {"sig=x"}


def test_a_redirect_is_followed(
    cache: ModelCache, model: PublishedModel, server: FileServer, policy: RetryPolicy
) -> None:
    server.contents["/elsewhere"] = tiny.BIN
    server.answers = [serve.status(302, Location="/elsewhere")]
    pull(model, None, cache, policy=policy)
    assert cache.problem(model, "FP16") is None


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (serve.status(403), "tiny.bin answers 403 Forbidden$"),
        (serve.status(301, Location=BIN), "[Rr]edirect"),
        (serve.length_of(299_999), "has 299999 bytes instead of 300000$"),
        (serve.length_of(300_001), "has 300001 bytes instead of 300000$"),
        (serve.too_much, "has more than 300000 bytes$"),
    ],
)
def test_an_error_that_a_retry_cannot_solve_is_refused_at_once(
    answer: Answer,
    message: str,
    cache: ModelCache,
    model: PublishedModel,
    server: FileServer,
    policy: RetryPolicy,
) -> None:
    server.answers = [answer] * 30
    with pytest.raises(ModelError, match=message):
        pull(model, None, cache, policy=policy)
    assert cache.complete(model) == ()
