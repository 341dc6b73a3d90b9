"""Connections that break in the middle of a request, and senders that are slow.

They write the frames of HTTP/2 themselves: a gRPC library would end a connection in
order, and sends a message as fast as it is taken.
"""

import asyncio
import socket
import struct

from hyperframe.frame import DataFrame, SettingsFrame

from benchmarks.soak.caller import CODE_NAMES, LOST_SECONDS, Caller
from benchmarks.soak.ledger import CUT, FULL, OK, Kind
from facewire.v1 import detect_pb2 as pb
from tests.server.http2_peer import Peer, framed, headers_frame

CUTS = Kind("dropped connections", "Detect", frozenset((CUT,)))
SLOW = Kind("slow senders", "Detect", frozenset((OK, FULL)))
TIMED_OUT = "DEADLINE_EXCEEDED MESSAGE_TIMEOUT"
TOO_SLOW = Kind("senders that never end", "Detect", frozenset((TIMED_OUT,)))

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
FRAME = 16_384
"""The most bytes in a frame; and no more than four fit before the peer asks for more."""

PARTS, PAUSE = 20, 0.05
"""A slow message goes out in so many parts, with so many seconds between them."""


async def cut(caller: Caller) -> None:
    """Send up to all bytes of a request, wait for up to 20 ms, and break the connection."""
    smallest = min(caller.photos, key=lambda photo: len(photo.jpeg))
    content = http2_request(pb.DetectRequest(encoded_image=smallest.jpeg).SerializeToString())
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


def http2_request(message: bytes) -> bytes:
    """A call of Detect from the first byte of its connection to the last."""
    body = framed(message)
    parts = (body[at : at + FRAME] for at in range(0, len(body), FRAME))
    frames = (
        SettingsFrame(0),
        headers_frame(1),
        *(DataFrame(1, part) for part in parts),
        DataFrame(1, b"", flags=["END_STREAM"]),
    )
    return PREFACE + b"".join(frame.serialize() for frame in frames)


async def send_slowly(caller: Caller) -> None:
    """Photos in parts, one after the other; the last byte of every other one is kept."""
    complete = False
    while not caller.stop.is_set():
        complete = not complete
        request = pb.DetectRequest(encoded_image=caller.photo().jpeg)
        message = framed(request.SerializeToString())
        kind = SLOW if complete else TOO_SLOW
        caller.ledger.send(kind)
        outcome = await asyncio.to_thread(_send, caller.target, message, complete)
        caller.ledger.end(kind, outcome)


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
        reason = peer.reasons.get(stream, "")
        return f"{CODE_NAMES[status]} {reason}".strip()
