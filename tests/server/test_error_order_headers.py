"""Errors that the headers of a call decide come first, and in the order of the .proto."""

import time
from collections.abc import Iterator

import pytest

from facewire_server.config import Config, TransportLimits
from facewire_server.lifecycle.background import BackgroundServer
from tests.server.error_order import comes_first
from tests.server.http2_peer import DETECT_STREAM, Peer

EXHAUSTED, UNAUTHENTICATED = 8, 16
TOKEN, FILLER = ("authorization", "Bearer sesame"), ("x-filler", "x" * 2000)


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BackgroundServer]:
    """A server that asks for a token and takes one call with little metadata."""
    path = tmp_path_factory.mktemp("tokens") / "tokens"
    path.write_text("sesame")
    limits = TransportLimits(max_calls=1, max_metadata_kb=1, message_seconds=0.1)
    config = Config(port=0, metrics_port=None, token_file=path, limits=limits)
    with BackgroundServer(config) as running:
        yield running


def hold_one_call(holder: Peer) -> int:
    """Open the one call that the server admits, and return its stream."""
    held = holder.call(DETECT_STREAM, [TOKEN])
    until = time.monotonic() + 60
    while time.monotonic() < until:
        other = holder.call(headers=[TOKEN])
        holder.wait(other, 60)
        if held in holder.statuses:  # the other one was there first
            held = holder.call(DETECT_STREAM, [TOKEN])
        elif "calls open" in holder.messages[other]:
            return held
    raise AssertionError("the call is not admitted")


@pytest.mark.parametrize(
    ("headers", "status", "words", "reasons"),
    [
        ([FILLER], UNAUTHENTICATED, "a token", ("BAD_TOKEN", "METADATA_TOO_LARGE")),
        (
            [TOKEN, FILLER],
            EXHAUSTED,
            "the metadata weighs",
            ("METADATA_TOO_LARGE", "TOO_MANY_CALLS"),
        ),
        (
            [TOKEN],
            EXHAUSTED,
            "the server has 1 calls open",
            ("TOO_MANY_CALLS", "MESSAGE_TIMEOUT"),
        ),
    ],
    ids=["token", "metadata", "calls"],
)
def test_errors_of_the_headers_come_before_the_message_is_read(
    strict: BackgroundServer,
    headers: list[tuple[str, str]],
    status: int,
    words: str,
    reasons: tuple[str, str],
) -> None:
    with Peer(strict.target) as holder, Peer(strict.target) as peer:
        held = hold_one_call(holder)
        stream = peer.call(headers=headers)
        assert peer.wait(stream, 60) == status
        assert peer.messages[stream].startswith(words)
        assert held not in holder.statuses
    assert reasons[0] == comes_first(set(reasons))
