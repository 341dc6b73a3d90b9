"""Of two errors of a request, the caller gets the one that the .proto lists first."""

import asyncio
import struct
import threading
import time
import zlib
from collections.abc import Iterator
from itertools import count
from typing import Any

import grpc
import pytest

from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_ext import Placement
from facewire_server.config import Config
from facewire_server.image.fit import fit
from facewire_server.lifecycle.background import BackgroundServer
from facewire_server.lifecycle.server import Server
from tests.server.error_order import comes_first, documented
from tests.server.rpc_errors import reason

MIB = 1 << 20
NO_MESSAGE = b"\xff\xff\xff"
SLOW_SECONDS, SHORT_SECONDS = 3.0, 1.5


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
    value = server.metrics.get_sample_value
    counts = [value("facewire_rejected_total", {"reason": each}) for each in reasons]
    return any(counts)
