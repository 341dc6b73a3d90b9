"""Large images that are no good, as single calls and as frames of streams."""

from collections.abc import Sequence

import grpc

from benchmarks.soak.caller import PATIENCE, Caller, frame_outcome
from benchmarks.soak.ledger import FULL, Kind
from facewire.v1 import detect_pb2 as pb

SHARE = 3 / 4
"""Of the server's limit of a message, what each of them has."""

CORRUPT = "INVALID_ARGUMENT CORRUPT_IMAGE"
BEGINNINGS = (
    ("JPEG", b"\xff\xd8\xff\xe0", CORRUPT),
    ("PNG", b"\x89PNG\r\n\x1a\n", CORRUPT),
    ("WebP", b"RIFF\xff\xff\xff\x00WEBPVP8 ", CORRUPT),
    ("text", b"some text", "INVALID_ARGUMENT UNSUPPORTED_FORMAT"),
)
"""What such a file begins with, zeros follow, and how it is refused."""

FRAMES = Kind(
    "large bad frames",
    "DetectStream",
    frozenset(outcome for _, _, outcome in BEGINNINGS) | {"INVALID_ARGUMENT BAD_RAW_IMAGE"},
)


async def ask_largely(caller: Caller, message_bytes: int) -> None:
    """Each of them in a call, and all of them in a stream, again and again.

    `message_bytes` is the server's limit, which none of them exceeds.
    """
    bad = large_requests(message_bytes)
    while not caller.stop.is_set():
        async with caller.connection() as stub:
            for kind, request in bad:
                await caller.ask(stub, kind, request)
                await caller.pause(0.3)
            call = stub.DetectStream(timeout=PATIENCE)
            for number, (_, request) in enumerate(bad):
                caller.ledger.send(FRAMES)
                await call.write(pb.DetectStreamRequest(frame_id=number, request=request))
            await call.done_writing()
            while (answer := await call.read()) is not grpc.aio.EOF:
                assert isinstance(answer, pb.DetectStreamResponse)
                caller.ledger.end(FRAMES, frame_outcome(answer))


def large_requests(message_bytes: int) -> Sequence[tuple[Kind, pb.DetectRequest]]:
    """Requests of nearly so many bytes that are no good, each with its outcome."""
    padding = bytes(int(SHARE * message_bytes))
    requests = [
        (_kind(name, outcome), pb.DetectRequest(encoded_image=beginning + padding))
        for name, beginning, outcome in BEGINNINGS
    ]
    rows = len(padding) // 9000 + 1  # one more than there are
    raw = pb.RawImage(data=padding, width=3000, height=rows, pixel_format=pb.PIXEL_FORMAT_BGR)
    kind = _kind("raw", "INVALID_ARGUMENT BAD_RAW_IMAGE")
    return [*requests, (kind, pb.DetectRequest(raw_image=raw))]


def _kind(name: str, outcome: str) -> Kind:
    return Kind(f"large bad: {name}", "Detect", frozenset((outcome, FULL)))
