"""Of two errors of a request, the caller gets the one that the .proto lists first."""

import asyncio
import re
import struct
import threading
import time
import zlib
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import grpc
import pytest

from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_ext import Placement
from facewire_server.config import Config, TransportLimits
from facewire_server.image.fit import fit
from facewire_server.lifecycle.background import BackgroundServer
from facewire_server.lifecycle.server import Server
from tests.server.http2_peer import DETECT_STREAM, Peer
from tests.server.rpc_errors import reason

PROTO = Path(__file__).parents[2] / "proto" / "facewire" / "v1" / "detect.proto"
MIB = 1 << 20
NO_MESSAGE = b"\xff\xff\xff"
EXHAUSTED, UNAUTHENTICATED = 8, 16
SLOW_SECONDS, SHORT_SECONDS = 3.0, 1.5


def documented() -> list[str]:
    """The reasons that the .proto lists for Detect, in order; BAD_RAW_IMAGE is there twice."""
    text = PROTO.read_text()
    comment = text[text.index("Errors, in the order") : text.index("rpc Detect(")]
    return re.findall(r"// - [A-Z_]+/([A-Z_]+):", comment)


def comes_first(reasons: set[str]) -> str:
    return next(each for each in documented() if each in reasons)


def png(width: int, height: int) -> bytes:
    """A file that ends after a header with this size in pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    crc = struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + crc


BGR = pb.PIXEL_FORMAT_BGR
LARGE = bytes(MIB)
OPTION = pb.DetectOptions(min_confidence=2)
TWO_FAULTS = {
    ("MESSAGE_TOO_LARGE", "UNKNOWN_MODEL"): pb.DetectRequest(encoded_image=LARGE, model="x"),
    ("MESSAGE_TOO_LARGE", "BAD_OPTION"): pb.DetectRequest(encoded_image=LARGE, options=OPTION),
    ("UNKNOWN_MODEL", "BAD_OPTION"): pb.DetectRequest(
        encoded_image=b"x", model="x", options=OPTION
    ),
    ("UNKNOWN_MODEL", "EMPTY_IMAGE"): pb.DetectRequest(model="x"),
    ("BAD_OPTION", "EMPTY_IMAGE"): pb.DetectRequest(encoded_image=b"", options=OPTION),
    ("BAD_OPTION", "BAD_RAW_IMAGE"): pb.DetectRequest(
        raw_image=pb.RawImage(data=b"x", width=1, height=1), options=OPTION
    ),
    ("EMPTY_IMAGE", "BAD_RAW_IMAGE"): pb.DetectRequest(raw_image=pb.RawImage()),
    ("IMAGE_TOO_LARGE", "CORRUPT_IMAGE"): pb.DetectRequest(encoded_image=png(60_000, 60_000)),
}


def named(value: object) -> str:
    """The name of a parameter."""
    return "-".join(value) if isinstance(value, tuple) else ""


two_faults = pytest.mark.parametrize(("reasons", "request_"), TWO_FAULTS.items(), ids=named)


@two_faults
def test_detect_answers_with_the_first(
    stub: DetectServiceStub, reasons: tuple[str, str], request_: pb.DetectRequest
) -> None:
    assert reason_of(stub, request_) == reasons[0] == comes_first(set(reasons))


@two_faults
def test_a_stream_answers_a_frame_with_the_first(
    stub: DetectServiceStub, reasons: tuple[str, str], request_: pb.DetectRequest
) -> None:
    frame = pb.DetectStreamRequest(request=request_)
    (answer,) = stub.DetectStream(iter([frame]), timeout=60)
    assert answer.error.reason == reasons[0]


def reason_of(stub: DetectServiceStub, request: pb.DetectRequest, timeout: float = 60) -> str:
    """The reason with which a request is refused."""
    with pytest.raises(grpc.RpcError) as caught:
        stub.Detect(request, timeout=timeout)
    return reason(caught.value)[1]


def test_the_size_of_a_raw_image_is_checked_before_its_layout(
    stub: DetectServiceStub,
) -> None:
    raw = pb.RawImage(data=b"x", width=60_000, height=60_000, pixel_format=BGR)
    assert reason_of(stub, pb.DetectRequest(raw_image=raw)) == "IMAGE_TOO_LARGE"
    order = documented()
    # It is there twice: for its pixel format before the queue, for its layout behind it.
    last = len(order) - 1 - order[::-1].index("BAD_RAW_IMAGE")
    assert order.index("IMAGE_TOO_LARGE") < last


@pytest.fixture(scope="module")
def full(photo: bytes) -> Iterator[DetectServiceStub]:
    """A server with a full queue, which knows how slow it is."""
    let_go, began, times = threading.Event(), threading.Event(), count()

    def hang(*arguments: Any, **options: Any) -> Placement:
        if next(times):
            began.set()
            assert let_go.wait(120)
        else:
            time.sleep(SLOW_SECONDS)
        return fit(*arguments, **options)

    config = Config(port=0, metrics_port=None, max_parallel=1, max_queue=0)
    request = pb.DetectRequest(encoded_image=photo)
    with (
        pytest.MonkeyPatch.context() as patch,
        BackgroundServer(config) as server,
        grpc.insecure_channel(server.target) as channel,
    ):
        patch.setattr("facewire_server.inference.detector.fit", hang)
        stub = DetectServiceStub(channel)
        stub.Detect(request, timeout=60)
        holds = stub.Detect.future(request, timeout=120)
        assert began.wait(60)
        yield stub
        let_go.set()
        holds.result()


FORMATLESS = pb.DetectRequest(raw_image=pb.RawImage(data=b"x", width=1, height=1))
NO_IMAGE = pb.DetectRequest(encoded_image=b"no image")
EMPTY = pb.DetectRequest(encoded_image=b"")


@pytest.mark.parametrize(
    ("reasons", "request_", "timeout"),
    [
        (("EMPTY_IMAGE", "DEADLINE_UNREACHABLE"), EMPTY, SHORT_SECONDS),
        (("EMPTY_IMAGE", "QUEUE_FULL"), EMPTY, 60),
        (("BAD_RAW_IMAGE", "DEADLINE_UNREACHABLE"), FORMATLESS, SHORT_SECONDS),
        (("BAD_RAW_IMAGE", "QUEUE_FULL"), FORMATLESS, 60),
        (("DEADLINE_UNREACHABLE", "UNSUPPORTED_FORMAT"), NO_IMAGE, SHORT_SECONDS),
        (("QUEUE_FULL", "UNSUPPORTED_FORMAT"), NO_IMAGE, 60),
    ],
    ids=named,
)
def test_errors_of_a_request_come_before_or_after_a_full_queue_as_listed(
    full: DetectServiceStub,
    reasons: tuple[str, str],
    request_: pb.DetectRequest,
    timeout: float,
) -> None:
    assert reason_of(full, request_, timeout) == reasons[0] == comes_first(set(reasons))


def test_an_unreachable_deadline_comes_before_a_full_queue(
    full: DetectServiceStub, photo: bytes
) -> None:
    good = pb.DetectRequest(encoded_image=photo)
    assert reason_of(full, good) == "QUEUE_FULL"
    reasons = {"QUEUE_FULL", "DEADLINE_UNREACHABLE"}
    assert reason_of(full, good, SHORT_SECONDS) == comes_first(reasons)


@pytest.mark.parametrize(
    ("message", "drains", "reasons"),
    [
        (NO_MESSAGE, False, {"BAD_MESSAGE", "NOT_READY"}),
        (NO_MESSAGE, True, {"BAD_MESSAGE", "NOT_READY", "SHUTTING_DOWN"}),
        (b"", True, {"NOT_READY", "SHUTTING_DOWN"}),
        (
            pb.DetectRequest(encoded_image=LARGE).SerializeToString(),
            False,
            {"NOT_READY", "MESSAGE_TOO_LARGE"},
        ),
        (
            pb.DetectRequest(encoded_image=LARGE).SerializeToString(),
            True,
            {"NOT_READY", "SHUTTING_DOWN", "MESSAGE_TOO_LARGE"},
        ),
    ],
    ids=["no message", "no message late", "late", "large", "large late"],
)
def test_a_server_that_starts_or_stops_says_so_as_listed(
    message: bytes, drains: bool, reasons: set[str]
) -> None:
    config = Config(port=0, metrics_port=None, max_message_mb=1)

    async def main() -> str:
        async with Server(config) as server:
            if drains:
                await server.drain()
            channel = grpc.aio.insecure_channel(f"127.0.0.1:{server.port}")
            call: Any = channel.unary_unary("/facewire.v1.DetectService/Detect")
            late = asyncio.ensure_future(call(message, timeout=60))
            # A draining server sends its errors when it stops.
            async with asyncio.timeout(60):
                while not refused(server, reasons):
                    await asyncio.sleep(0.01)
        with pytest.raises(grpc.RpcError) as caught:
            await late
        await channel.close()
        return reason(caught.value)[1]

    assert asyncio.run(main()) == comes_first(reasons)


def refused(server: Server, reasons: set[str]) -> bool:
    """Whether a server has refused anything for one of these reasons."""
    value = server._metrics.registry.get_sample_value
    counts = [value("facewire_rejected_total", {"reason": each}) for each in reasons]
    return any(counts)


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


TOKEN, FILLER = ("authorization", "Bearer sesame"), ("x-filler", "x" * 2000)


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
