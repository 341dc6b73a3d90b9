"""Single calls: good, bad, cancelled, and in too much of a hurry."""

import struct
import zlib
from collections.abc import Sequence

from benchmarks.soak.caller import Caller
from benchmarks.soak.ledger import CANCELLED, EXPIRED, FULL, OK, UNREACHABLE, Kind
from facewire.v1 import detect_pb2 as pb

CALLS_PER_CONNECTION = 200

GOOD = Kind("good photos", "Detect", frozenset((OK, FULL)))
CANCELS = Kind("cancelled calls", "Detect", frozenset((OK, FULL, CANCELLED)))
EXPIRES = Kind("short deadlines", "Detect", frozenset((OK, FULL, UNREACHABLE, EXPIRED)))


async def ask_well(caller: Caller) -> None:
    """Good photos, one after the other; a new connection now and then."""
    while not caller.stop.is_set():
        async with caller.connection() as stub:
            for _ in range(CALLS_PER_CONNECTION):
                if caller.stop.is_set():
                    return
                photo = caller.photo()
                request = pb.DetectRequest(encoded_image=photo.jpeg)
                await caller.ask(stub, GOOD, request, photo=photo)


async def ask_badly(caller: Caller, message_bytes: int) -> None:
    """All that is wrong with a request, in turn.

    `message_bytes` is the server's limit, which one of them exceeds.
    """
    bad = bad_requests(caller.photos[-1].jpeg, message_bytes)
    async with caller.connection() as stub:
        while not caller.stop.is_set():
            for kind, request in bad:
                await caller.ask(stub, kind, request)
            await caller.pause(0.5)


async def cancel(caller: Caller) -> None:
    """Good photos, four at a time, cancelled within the time that they may take."""
    while not caller.stop.is_set():
        async with caller.connection() as stub:
            for _ in range(CALLS_PER_CONNECTION):
                photo = caller.photo()
                request = pb.DetectRequest(encoded_image=photo.jpeg)
                after = caller.chance.uniform(0, 0.1)
                await caller.ask(stub, CANCELS, request, photo=photo, cancel_after=after)
                await caller.pause(0.1)
                if caller.stop.is_set():
                    break


async def hurry(caller: Caller) -> None:
    """Good photos with deadlines of 1 to 100 ms."""
    async with caller.connection() as stub:
        while not caller.stop.is_set():
            photo = caller.photo()
            request = pb.DetectRequest(encoded_image=photo.jpeg)
            seconds = caller.chance.uniform(0.001, 0.1)
            await caller.ask(stub, EXPIRES, request, photo=photo, timeout=seconds)
            await caller.pause(0.1)


def bad_requests(jpeg: bytes, message_bytes: int) -> Sequence[tuple[Kind, pb.DetectRequest]]:
    """Requests that are no good, each with the outcome that tells why."""
    nan = pb.DetectOptions(min_confidence=float("nan"))
    options = pb.DetectOptions(iou_threshold=2)
    raw = pb.RawImage(data=b"123", width=9, height=9, pixel_format=pb.PIXEL_FORMAT_BGR)
    named = (
        ("empty", "EMPTY_IMAGE", pb.DetectRequest()),
        ("no image", "UNSUPPORTED_FORMAT", pb.DetectRequest(encoded_image=b"text")),
        ("truncated", "CORRUPT_IMAGE", pb.DetectRequest(encoded_image=jpeg[:-2000])),
        ("giant", "IMAGE_TOO_LARGE", pb.DetectRequest(encoded_image=giant_png())),
        ("bad raw image", "BAD_RAW_IMAGE", pb.DetectRequest(raw_image=raw)),
        ("NaN", "BAD_OPTION", pb.DetectRequest(encoded_image=jpeg, options=nan)),
        ("2", "BAD_OPTION", pb.DetectRequest(encoded_image=jpeg, options=options)),
    )
    bad = [(_kind(name, f"INVALID_ARGUMENT {reason}"), request) for name, reason, request in named]
    unknown = pb.DetectRequest(encoded_image=jpeg, model="nobody")
    bad.append((_kind("unknown model", "NOT_FOUND UNKNOWN_MODEL"), unknown))
    long = pb.DetectRequest(encoded_image=jpeg + bytes(message_bytes))
    too_long = "RESOURCE_EXHAUSTED MESSAGE_TOO_LARGE"
    bad.append((_kind("message too large", too_long), long))
    return bad


def giant_png() -> bytes:
    """The beginning of a PNG of 10 gigapixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 100_000, 100_000, 8, 0, 0, 0, 0)
    crc = struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + crc + bytes(64)


def _kind(name: str, outcome: str) -> Kind:
    return Kind(f"bad: {name}", "Detect", frozenset((outcome, FULL)))
