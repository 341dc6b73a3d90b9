"""The arguments of a connection, and the independence of two."""

import asyncio
import math
from typing import Any

import grpc
import pytest

from facewire.v1.detect_pb2 import DetectRequest
from facewire_client import AsyncFaceClient, FaceClient, FaceClientError
from facewire_client.connection import Connection
from tests.client.fake_server import FakeServer


def test_the_token_goes_with_every_call(fake: FakeServer) -> None:
    with FaceClient(fake.target, token="secret") as client:
        client.detect(b"x")
        client.models()
        client.model()
        list(client.detect_stream([b"x"]))
    assert [call["authorization"] for call in fake.metadata] == ["Bearer secret"] * 4


def test_without_a_token_none_is_sent(client: FaceClient, fake: FakeServer) -> None:
    client.detect(b"x")
    assert "authorization" not in fake.metadata[0]


def test_the_token_is_not_shown() -> None:
    assert "secret" not in repr(Connection("localhost:1", token="secret"))


@pytest.mark.parametrize("token", ["", " ", "line\n", "Grüße"])
def test_a_token_that_cannot_be_sent_is_refused_without_showing_it(token: str) -> None:
    with pytest.raises(ValueError, match="^the token is empty or not one line"):
        Connection("localhost:1", token=token)


def test_an_empty_target_is_refused() -> None:
    with pytest.raises(ValueError, match="HOST:PORT"):
        Connection("")


@pytest.mark.parametrize("text", [3, b"localhost:1"])
def test_a_target_or_token_of_another_type_is_a_type_error(text: Any) -> None:
    for client in FaceClient, AsyncFaceClient:
        with pytest.raises(TypeError, match="the target is no str but a "):
            client(text)
        with pytest.raises(TypeError, match="the token is no str but a "):
            client("localhost:1", token=text)


@pytest.mark.parametrize("limit", [0, -1, 2048])
def test_a_message_limit_out_of_range_is_refused(limit: int) -> None:
    with pytest.raises(ValueError, match=f"max_message_mb is {limit}"):
        Connection("localhost:1", max_message_mb=limit)


def test_the_largest_message_limit_is_taken(fake: FakeServer) -> None:
    with FaceClient(fake.target, max_message_mb=2047) as client:
        client.detect(b"x")


@pytest.mark.parametrize("given", ["certificate_chain", "private_key"])
def test_a_certificate_needs_its_key_and_a_key_its_certificate(given: str) -> None:
    half = {given: b"PEM"}
    with pytest.raises(ValueError, match="go together"):
        Connection(
            "localhost:1",
            certificate_chain=half.get("certificate_chain"),
            private_key=half.get("private_key"),
        )


def test_a_call_has_its_own_timeout_or_that_of_the_client() -> None:
    connection = Connection("localhost:1", timeout=7)
    assert connection.seconds(None) == 7
    assert connection.seconds(0) == 0
    assert connection.seconds(math.inf) is None
    assert connection.seconds(1e300) is None


@pytest.mark.parametrize("timeout", [-5, -math.inf])
def test_a_negative_timeout_has_passed(fake: FakeServer, timeout: float) -> None:
    async def main() -> None:
        async with AsyncFaceClient(fake.target) as client:
            await client.detect(b"x", timeout=timeout)

    with FaceClient(fake.target) as client:
        for call in (
            lambda: client.detect(b"x", timeout=timeout),
            lambda: list(client.detect_stream([b"x"], timeout=timeout)),
            lambda: asyncio.run(main()),
        ):
            with pytest.raises(FaceClientError) as caught:
                call()
            assert caught.value.code is grpc.StatusCode.DEADLINE_EXCEEDED


def test_a_very_long_timeout_is_no_limit(client: FaceClient) -> None:
    client.detect(b"x", timeout=1e300)


def test_a_timeout_of_nan_is_refused(fake: FakeServer) -> None:
    with pytest.raises(ValueError, match="the timeout is not a number"):
        Connection("localhost:1", timeout=math.nan)
    with FaceClient(fake.target) as client:
        with pytest.raises(ValueError, match="the timeout is not a number"):
            client.detect(b"x", timeout=math.nan)
        with pytest.raises(ValueError, match="the timeout is not a number"):
            client.detect_stream([b"x"], timeout=math.nan)
    assert fake.calls == 0


def test_a_message_is_serialised_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    class Spied:
        """A DetectRequest that records the calls that serialise it."""

        def __init__(self) -> None:
            object.__setattr__(self, "message", DetectRequest())

        def __getattr__(self, name: str) -> object:
            if name in ("ByteSize", "SerializeToString", "SerializePartialToString"):
                calls.append(name)
            return getattr(object.__getattribute__(self, "message"), name)

        def __setattr__(self, name: str, value: object) -> None:
            setattr(object.__getattribute__(self, "message"), name, value)

    monkeypatch.setattr("facewire_client.connection.DetectRequest", Spied)
    data = Connection("localhost:1").detect_request(b"image", model="nano")
    assert DetectRequest.FromString(data).encoded_image == b"image"
    assert calls == ["SerializeToString"]


def test_two_clients_are_two_connections(fake: FakeServer) -> None:
    with FaceClient(fake.target, token="a") as one, FaceClient(fake.target) as two:
        for client in (one, two, one, two):
            client.detect(b"x")
    assert fake.peers[:2] == fake.peers[2:]
    assert len(set(fake.peers)) == 2


def test_two_asyncio_clients_are_two_connections(fake: FakeServer) -> None:
    async def main() -> None:
        async with (
            AsyncFaceClient(fake.target) as one,
            AsyncFaceClient(fake.target, token="b") as two,
        ):
            for client in (one, two, one, two):
                await client.detect(b"x")

    asyncio.run(main())
    assert fake.peers[:2] == fake.peers[2:]
    assert len(set(fake.peers)) == 2
