"""The kinds of traffic of a soak; each is sent by a caller until that is to stop.

Connections that break and slow senders are written frame by frame, as no gRPC library does.
"""

import asyncio
import socket
import struct
from collections.abc import Sequence
from itertools import cycle

import grpc
from h2.connection import H2Connection

from benchmarks.soak.caller import CODE_NAMES, LOST_SECONDS, Caller, outcome
from benchmarks.soak.ledger import CANCELLED, CUT, DROPPED, EXPIRED, FULL, OK, UNREACHABLE, Kind
from benchmarks.soak.photos import Photo
from facewire.v1 import detect_pb2 as pb
from tests.server.http2_peer import DETECT, Peer, call_headers, framed
from tests.server.image.attacks import PNG_START, bare_png

CALLS_PER_CONNECTION = 200
GOOD = Kind("good photos", "Detect", frozenset((OK, FULL)))
CANCELS = Kind("cancelled calls", "Detect", frozenset((OK, FULL, CANCELLED)))
EXPIRES = Kind("short deadlines", "Detect", frozenset((OK, FULL, UNREACHABLE, EXPIRED)))
CUTS = Kind("dropped connections", "Detect", frozenset((CUT,)))
SLOW = Kind("slow senders", "Detect", frozenset((OK, FULL)))
TIMED_OUT = frozenset(("DEADLINE_EXCEEDED MESSAGE_TIMEOUT",))
TOO_SLOW = Kind("senders that never end", "Detect", TIMED_OUT)
FRAME = 16_384  # the most bytes in a frame; and no more than four fit before the peer asks for more
PARTS, PAUSE = 20, 0.05  # of a slow message, and seconds between them
FRAMES, FRAME_SECONDS = 24, 0.04  # in a stream, and between two of live video
LARGE_SHARE = 3 / 4  # of the server's limit of a message, what each large one has
LARGE = {
    "JPEG": (b"\xff\xd8\xff\xe0", "CORRUPT_IMAGE"),
    "PNG": (PNG_START, "CORRUPT_IMAGE"),
    "WebP": (b"RIFF\xff\xff\xff\x00WEBPVP8 ", "CORRUPT_IMAGE"),
    "text": (b"some text", "UNSUPPORTED_FORMAT"),
}
"""What a large bad file begins with, zeros follow, and why it is refused."""
BadRequests = Sequence[tuple[Kind, pb.DetectRequest]]
Frames = Sequence[tuple[pb.DetectRequest, Photo | None]]
"""Requests, and the photos that the answers must be of."""


async def send_photos(
    caller: Caller, kind: Kind, *, pause: float = 0, deadline: float = 0, cancel: float = 0
) -> None:
    """Good photos, one after the other; a new connection now and then.

    `pause`, `deadline`, `cancel`: the most seconds between, of and within calls; 0: none.
    """
    while not caller.stop.is_set():
        async with caller.connection() as stub:
            for _ in range(CALLS_PER_CONNECTION):
                if caller.stop.is_set():
                    return
                photo = caller.photo()
                timeout = caller.rng.uniform(0.001, deadline) if deadline else LOST_SECONDS
                after = caller.rng.uniform(0, cancel) if cancel else None
                await caller.detect(
                    stub, kind, photo.request, photo=photo, timeout=timeout, cancel_after=after
                )
                if pause:
                    await caller.pause(pause)


async def send_bad(caller: Caller, bad: BadRequests, pause: float, *, streams: bool) -> None:
    """Bad requests in turn, and all of them as the frames of a stream if asked for."""
    expected = {each for kind, _ in bad for each in kind.expected if each != FULL}
    frames = Kind("large bad frames", "DetectStream", frozenset(expected))
    while not caller.stop.is_set():
        async with caller.connection() as stub:
            for kind, request in bad:
                await caller.detect(stub, kind, request)
                await caller.pause(pause)
        if streams:
            await _stream(caller, frames, [(request, None) for _, request in bad], len(bad))


async def stream(caller: Caller, name: str, policy: pb.OverflowPolicy.ValueType) -> None:
    """Open streams of photos one after the other; every other one is left half-way."""
    expected = {OK, DROPPED} if policy == pb.OVERFLOW_POLICY_DROP_OLDEST else {OK}
    whole = Kind(name, "DetectStream", frozenset(expected))
    left = Kind(f"{name}, left", "DetectStream", frozenset({*expected, CANCELLED}))
    for kind in cycle((whole, left)):
        if caller.stop.is_set():
            return
        frames = [(photo.request, photo) for photo in caller.rng.choices(caller.photos, k=FRAMES)]
        answers = FRAMES if kind is whole else caller.rng.randrange(FRAMES)
        await _stream(caller, kind, frames, answers, policy)
        await caller.pause(0.5)


async def _stream(
    caller: Caller,
    kind: Kind,
    frames: Frames,
    answers: int,
    policy: pb.OverflowPolicy.ValueType = pb.OVERFLOW_POLICY_WAIT,
) -> None:
    """Send a stream of frames on a connection of its own; leave it after so many answers."""
    sent = taken = 0
    ending = CANCELLED

    async def write() -> None:
        nonlocal sent
        for number, (request, _) in enumerate(frames):
            sent += 1
            caller.ledger.send(kind)
            await call.write(
                pb.DetectStreamRequest(frame_id=number, request=request, overflow_policy=policy)
            )
            if policy == pb.OVERFLOW_POLICY_DROP_OLDEST:
                await asyncio.sleep(FRAME_SECONDS)
        await call.done_writing()

    async with caller.connection() as stub:
        call = stub.DetectStream(timeout=LOST_SECONDS)
        writer = asyncio.create_task(write())
        try:
            while taken < answers:
                answer = await call.read()
                if not isinstance(answer, pb.DetectStreamResponse):
                    break  # the end
                caller.frame_answered(kind, answer, taken, frames[taken][1])
                taken += 1
            if answers == len(frames) and await call.read() is not grpc.aio.EOF:
                caller.ledger.mistake("a stream had more answers than frames")
        except grpc.aio.AioRpcError as error:
            ending = outcome(error)
        call.cancel()
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)
    caller.ledger.end(kind, ending, sent - taken)


async def cut(caller: Caller) -> None:
    """Send up to all bytes of a request, wait for up to 20 ms, and break the connection."""
    smallest = min(caller.photos, key=lambda photo: len(photo.jpeg))
    content = http2_request(smallest.request)
    host, _, port = caller.target.rpartition(":")
    while not caller.stop.is_set():
        most = caller.rng.choice((len(content), caller.rng.randrange(1, 20_000)))
        caller.ledger.send(CUTS)
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(content[:most])
        await writer.drain()
        await asyncio.sleep(caller.rng.uniform(0, 0.02))
        if caller.rng.random() < 0.5:
            # Without lingering, closing resets the connection instead of ending it.
            linger = struct.pack("ii", 1, 0)
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()
        caller.ledger.end(CUTS, CUT)
        await caller.pause(0.3)


def http2_request(request: pb.DetectRequest) -> bytes:
    """A call of Detect from the first byte of its connection to the last, under 64 KiB."""
    peer, body = H2Connection(), framed(request.SerializeToString())
    peer.initiate_connection()
    peer.send_headers(1, call_headers(DETECT))
    for start in range(0, len(body), FRAME):
        peer.send_data(1, body[start : start + FRAME])
    peer.end_stream(1)
    return peer.data_to_send()


async def send_slowly(caller: Caller) -> None:
    """Photos in parts, one after the other; the last byte of every other one is kept."""
    for kind in cycle((SLOW, TOO_SLOW)):
        if caller.stop.is_set():
            return
        message = framed(caller.photo().request.SerializeToString())
        caller.ledger.send(kind)
        ended = await asyncio.to_thread(_send, caller.target, message, kind is SLOW)
        caller.ledger.end(kind, ended)


def _send(target: str, message: bytes, complete: bool) -> str:
    """Send one message, or all but its last byte; returns the outcome of the call."""
    size = -(-len(message) // PARTS)
    with Peer(target) as peer:
        stream = peer.call()
        for start in range(0, len(message) - 1, size):
            peer.send(stream, message[start : min(start + size, len(message) - 1)])
            peer.listen(PAUSE)
        if complete:
            peer.send(stream, message[-1:], end=True)
        status = peer.wait(stream, LOST_SECONDS)
        if status is None or status < 0:
            return "LOST"
        return f"{CODE_NAMES[status]} {peer.reasons.get(stream, '')}".strip()


def bad_requests(jpeg: bytes, message_bytes: int) -> BadRequests:
    """All that can be wrong with a request; `message_bytes` is the limit that one exceeds."""
    nan = pb.DetectOptions(min_confidence=float("nan"))
    options = pb.DetectOptions(iou_threshold=2)
    raw = pb.RawImage(data=b"123", width=9, height=9, pixel_format=pb.PIXEL_FORMAT_BGR)
    unknown = pb.DetectRequest(encoded_image=jpeg, model="nobody")
    long = pb.DetectRequest(encoded_image=jpeg + bytes(message_bytes))
    return [
        _bad("empty", "EMPTY_IMAGE", pb.DetectRequest()),
        _bad("no image", "UNSUPPORTED_FORMAT", pb.DetectRequest(encoded_image=b"text")),
        _bad("truncated", "CORRUPT_IMAGE", pb.DetectRequest(encoded_image=jpeg[:-2000])),
        _bad("giant", "IMAGE_TOO_LARGE", pb.DetectRequest(encoded_image=bare_png(100_000))),
        _bad("bad raw image", "BAD_RAW_IMAGE", pb.DetectRequest(raw_image=raw)),
        _bad("NaN", "BAD_OPTION", pb.DetectRequest(encoded_image=jpeg, options=nan)),
        _bad("2", "BAD_OPTION", pb.DetectRequest(encoded_image=jpeg, options=options)),
        _bad("unknown model", "UNKNOWN_MODEL", unknown, code="NOT_FOUND"),
        _bad("message too large", "MESSAGE_TOO_LARGE", long, code="RESOURCE_EXHAUSTED"),
    ]


def large_bad_requests(message_bytes: int) -> BadRequests:
    """Bad requests of nearly so many bytes, which is the server's limit."""
    padding = bytes(int(LARGE_SHARE * message_bytes))
    rows = len(padding) // 9000 + 1  # one more than there are
    raw = pb.RawImage(data=padding, width=3000, height=rows, pixel_format=pb.PIXEL_FORMAT_BGR)
    return [
        *(
            _bad(f"large {name}", reason, pb.DetectRequest(encoded_image=beginning + padding))
            for name, (beginning, reason) in LARGE.items()
        ),
        _bad("large raw", "BAD_RAW_IMAGE", pb.DetectRequest(raw_image=raw)),
    ]


def _bad(
    name: str, reason: str, request: pb.DetectRequest, code: str = "INVALID_ARGUMENT"
) -> tuple[Kind, pb.DetectRequest]:
    return Kind(f"bad: {name}", "Detect", frozenset((f"{code} {reason}", FULL))), request
