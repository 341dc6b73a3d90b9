"""HTTP proxies: not used for local servers, and named when they fail."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from facewire_client import AsyncFaceClient, FaceClient, FaceClientError
from facewire_client.cli.root import root
from facewire_client.target import parse_target, proxy_of
from tests.client.fake_server import FakeServer
from tests.client.http_proxy import HttpProxy

VARIABLES = ("grpc_proxy", "https_proxy", "http_proxy", "no_grpc_proxy", "no_proxy")


def blocking(target: str) -> bool:
    with FaceClient(target, timeout=60) as client:
        return client.health()


def asynchronous(target: str) -> bool:
    async def main() -> bool:
        async with AsyncFaceClient(target, timeout=60) as client:
            return await client.health()

    return asyncio.run(main())


both = pytest.mark.parametrize("health", [blocking, asynchronous])
Health = Callable[[str], bool]


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the proxy variables of this machine."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def proxy() -> Iterator[HttpProxy]:
    with HttpProxy() as listening:
        yield listening


@both
@pytest.mark.parametrize("variable", ["grpc_proxy", "https_proxy", "http_proxy"])
def test_a_local_server_is_reached_without_the_proxy(
    fake: FakeServer,
    proxy: HttpProxy,
    monkeypatch: pytest.MonkeyPatch,
    health: Health,
    variable: str,
) -> None:
    monkeypatch.setenv(variable, f"http://{proxy.address}")
    assert health(fake.target)
    assert health(fake.target.replace("127.0.0.1", "localhost"))
    assert proxy.lines == []


@both
def test_a_unix_socket_is_reached_without_the_proxy(
    proxy: HttpProxy, monkeypatch: pytest.MonkeyPatch, health: Health, tmp_path: Path
) -> None:
    monkeypatch.setenv("http_proxy", f"http://{proxy.address}")
    with FakeServer(address=f"unix:{tmp_path}/fw.sock") as server:
        assert health(server.target)
    assert proxy.lines == []


def test_the_command_line_reaches_a_local_server_without_the_proxy(
    fake: FakeServer, proxy: HttpProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", f"http://{proxy.address}")
    result = CliRunner().invoke(root, ["health", "--server", fake.target])
    assert result.stdout == "SERVING\n"


@both
def test_a_proxy_that_fails_is_named_without_its_password(
    proxy: HttpProxy, monkeypatch: pytest.MonkeyPatch, health: Health
) -> None:
    monkeypatch.setenv("https_proxy", f"http://user:p%40ssword@{proxy.address}")
    with pytest.raises(FaceClientError) as caught:
        health("faces.invalid:50051")
    message = caught.value.message
    assert message.startswith(
        "cannot reach faces.invalid:50051 through the proxy "
        f"{proxy.address} (https_proxy): HTTP proxy returned response code 503"
    )
    assert "ssword" not in str(caught.value)
    assert proxy.lines[0] == "CONNECT faces.invalid:50051 HTTP/1.1"


@both
def test_an_unreachable_proxy_is_named(monkeypatch: pytest.MonkeyPatch, health: Health) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with pytest.raises(FaceClientError) as caught:
        health("faces.invalid:50051")
    assert "through the proxy 127.0.0.1:1 (http_proxy): " in caught.value.message


@both
def test_a_target_in_no_proxy_is_reached_without_the_proxy(
    proxy: HttpProxy, monkeypatch: pytest.MonkeyPatch, health: Health
) -> None:
    monkeypatch.setenv("http_proxy", f"http://{proxy.address}")
    monkeypatch.setenv("no_proxy", "example.com, .invalid")
    with pytest.raises(FaceClientError) as caught:
        health("faces.invalid:50051")
    assert caught.value.message.startswith("cannot reach faces.invalid:50051: ")
    assert proxy.lines == []


@pytest.mark.parametrize(
    ("target", "environment", "proxy"),
    [
        ("a.example:1", {}, ""),
        ("a.example:1", {"http_proxy": "http://p:2"}, "p:2 (http_proxy)"),
        ("a.example:1", {"http_proxy": "http://u:s@p:2/"}, "p:2 (http_proxy)"),
        (
            "a.example:1",
            {"http_proxy": "http://p:2", "grpc_proxy": "http://q:3"},
            "q:3 (grpc_proxy)",
        ),
        ("a.example:1", {"http_proxy": "http://p:2", "https_proxy": ""}, ""),
        ("a.example:1", {"http_proxy": "socks5://p:2"}, ""),
        ("a.example:1", {"http_proxy": "http://[p:2"}, ""),
        ("a.example:1", {"http_proxy": "http://p:2", "no_proxy": "A.Example"}, ""),
        (
            "a.example:1",
            {"http_proxy": "http://p:2", "no_proxy": "b.example,10.0.0.0/8"},
            "p:2 (http_proxy)",
        ),
        ("10.1.2.3:1", {"http_proxy": "http://p:2", "no_proxy": "10.0.0.0/8"}, ""),
        (
            "[2001:db8::1]:1",
            {"http_proxy": "http://p:2", "no_proxy": "2001:db8::/32"},
            "",
        ),
        (
            "11.1.2.3:1",
            {"http_proxy": "http://p:2", "no_proxy": "10.0.0.0/8,x/y"},
            "p:2 (http_proxy)",
        ),
        (
            "a.example:1",
            {"http_proxy": "http://p:2", "no_proxy": "a.example", "no_grpc_proxy": ""},
            "p:2 (http_proxy)",
        ),
        ("127.0.0.1:1", {"http_proxy": "http://p:2"}, ""),
    ],
)
def test_the_proxy_is_the_one_that_grpc_uses(
    target: str, environment: dict[str, str], proxy: str
) -> None:
    assert proxy_of(parse_target(target), environment) == proxy
