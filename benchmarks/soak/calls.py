"""Calls of Detect: good, bad, large and bad, cancelled, and with short deadlines."""

import struct
import zlib
from collections.abc import Sequence

import grpc

from benchmarks.soak.caller import LOST_SECONDS, Caller, frame_outcome
from benchmarks.soak.ledger import CANCELLED, EXPIRED, FULL, OK, UNREACHABLE, Kind
from facewire.v1 import detect_pb2 as pb

CALLS_PER_CONNECTION = 200

GOOD = Kind("good photos", "Detect", frozenset((OK, FULL)))
CANCELS = Kind("cancelled calls", "Detect", frozenset((OK, FULL, CANCELLED)))
EXPIRES = Kind("short deadlines", "Detect", frozenset((OK, FULL, UNREACHABLE, EXPIRED)))

LARGE_SHARE = 3 / 4
"""Of the server's limit of a message, what each large one has."""

CORRUPT = "INVALID_ARGUMENT CORRUPT_IMAGE"
BAD_RAW = "INVALID_ARGUMENT BAD_RAW_IMAGE"
BEGINNINGS = (
    ("JPEG", b"\xff\xd8\xff\xe0", CORRUPT),
    ("PNG", b"\x89PNG\r\n\x1a\n", CORRUPT),
    ("WebP", b"RIFF\xff\xff\xff\x00WEBPVP8 ", CORRUPT),
    ("text", b"some text", "INVALID_ARGUMENT UNSUPPORTED_FORMAT"),
)
"""What a large bad file begins with, zeros follow, and how it is refused."""

LARGE_FRAMES = Kind(
    "large bad frames",
    "DetectStream",
    frozenset(outcome for _, _, outcome in BEGINNINGS) | {BAD_RAW},
)

Requests = Sequence[tuple[Kind, pb.DetectRequest]]


async def send_good(caller: Caller) -> None:
    """Good photos, one after the other; a new connection now and then."""
    while not caller.stop.is_set():
        async with caller.connection() as stub:
            for _ in range(CALLS_PER_CONNECTION):
                if caller.stop.is_set():
                    return
                photo = caller.photo()
                request = pb.DetectRequest(encoded_image=photo.jpeg)
                await caller.detect(stub, GOOD, request, photo=photo)


async def send_bad(caller: Caller, message_bytes: int) -> None:
    """All that can be wrong with a request, in turn.

    `message_bytes` is the server's limit, which one of them exceeds.
    """
    bad = bad_requests(caller.photos[-1].jpeg, message_bytes)
    async with caller.connection() as stub:
        while not caller.stop.is_set():
            for kind, request in bad:
                await caller.detect(stub, kind, request)
            await caller.pause(0.5)


async def send_large_bad(caller: Caller, message_bytes: int) -> None:
    """Large bad images, each in a call, and all of them in a stream, again and again.

    `message_bytes` is the server's limit, which none of them exceeds.
    """
    bad = large_bad_requests(message_bytes)
    while not caller.stop.is_set():
        async with caller.connection() as stub:
            for kind, request in bad:
                await caller.detect(stub, kind, request)
                await caller.pause(0.3)
            call = stub.DetectStream(timeout=LOST_SECONDS)
            for number, (_, request) in enumerate(bad):
                caller.ledger.send(LARGE_FRAMES)
                await call.write(pb.DetectStreamRequest(frame_id=number, request=request))
            await call.done_writing()
            while (answer := await call.read()) is not grpc.aio.EOF:
                assert isinstance(answer, pb.DetectStreamResponse)
                caller.ledger.end(LARGE_FRAMES, frame_outcome(answer))


async def cancel(caller: Caller) -> None:
    """Good photos, cancelled within the time that they may take."""
    while not caller.stop.is_set():
        async with caller.connection() as stub:
            for _ in range(CALLS_PER_CONNECTION):
                photo = caller.photo()
                request = pb.DetectRequest(encoded_image=photo.jpeg)
                after = caller.rng.uniform(0, 0.1)
                await caller.detect(stub, CANCELS, request, photo=photo, cancel_after=after)
                await caller.pause(0.1)
                if caller.stop.is_set():
                    break


async def send_with_short_deadlines(caller: Caller) -> None:
    """Good photos with deadlines of 1 to 100 ms."""
    async with caller.connection() as stub:
        while not caller.stop.is_set():
            photo = caller.photo()
            request = pb.DetectRequest(encoded_image=photo.jpeg)
            seconds = caller.rng.uniform(0.001, 0.1)
            await caller.detect(stub, EXPIRES, request, photo=photo, timeout=seconds)
            await caller.pause(0.1)


def bad_requests(jpeg: bytes, message_bytes: int) -> Requests:
    """Bad requests, each with the outcome that it must have."""
    nan = pb.DetectOptions(min_confidence=float("nan"))
    options = pb.DetectOptions(iou_threshold=2)
    raw = pb.RawImage(data=b"123", width=9, height=9, pixel_format=pb.PIXEL_FORMAT_BGR)
    invalid = (
        ("empty", "EMPTY_IMAGE", pb.DetectRequest()),
        ("no image", "UNSUPPORTED_FORMAT", pb.DetectRequest(encoded_image=b"text")),
        ("truncated", "CORRUPT_IMAGE", pb.DetectRequest(encoded_image=jpeg[:-2000])),
        ("giant", "IMAGE_TOO_LARGE", pb.DetectRequest(encoded_image=giant_png())),
        ("bad raw image", "BAD_RAW_IMAGE", pb.DetectRequest(raw_image=raw)),
        ("NaN", "BAD_OPTION", pb.DetectRequest(encoded_image=jpeg, options=nan)),
        ("2", "BAD_OPTION", pb.DetectRequest(encoded_image=jpeg, options=options)),
    )
    unknown = pb.DetectRequest(encoded_image=jpeg, model="nobody")
    long = pb.DetectRequest(encoded_image=jpeg + bytes(message_bytes))
    return [
        *(_bad(name, f"INVALID_ARGUMENT {reason}", request) for name, reason, request in invalid),
        _bad("unknown model", "NOT_FOUND UNKNOWN_MODEL", unknown),
        _bad("message too large", "RESOURCE_EXHAUSTED MESSAGE_TOO_LARGE", long),
    ]


def large_bad_requests(message_bytes: int) -> Requests:
    """Bad requests of nearly so many bytes, each with the outcome that it must have."""
    padding = bytes(int(LARGE_SHARE * message_bytes))
    rows = len(padding) // 9000 + 1  # one more than there are
    raw = pb.RawImage(data=padding, width=3000, height=rows, pixel_format=pb.PIXEL_FORMAT_BGR)
    return [
        *(
            _bad(f"large {name}", outcome, pb.DetectRequest(encoded_image=beginning + padding))
            for name, beginning, outcome in BEGINNINGS
        ),
        _bad("large raw", BAD_RAW, pb.DetectRequest(raw_image=raw)),
    ]


def giant_png() -> bytes:
    """The beginning of a PNG of 10 gigapixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 100_000, 100_000, 8, 0, 0, 0, 0)
    crc = struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + crc + bytes(64)


def _bad(name: str, outcome: str, request: pb.DetectRequest) -> tuple[Kind, pb.DetectRequest]:
    return Kind(f"bad: {name}", "Detect", frozenset((outcome, FULL))), request
