"""Senders that take their time over a message, or more than they have.

They speak HTTP/2 by hand: a gRPC library sends a message as fast as it is taken.
"""

import asyncio

from benchmarks.attacks.peer import Peer, framed
from benchmarks.soak.caller import CODE_NAMES, PATIENCE, Caller
from benchmarks.soak.ledger import FULL, OK, Kind
from facewire.v1 import detect_pb2 as pb

SLOW = Kind("slow senders", "Detect", frozenset((OK, FULL)))
TIMED_OUT = "DEADLINE_EXCEEDED MESSAGE_TIMEOUT"
TOO_SLOW = Kind("senders that never end", "Detect", frozenset((TIMED_OUT,)))

PARTS, PAUSE = 20, 0.05
"""A message goes out in so many parts, with so many seconds between them."""


async def send_slowly(caller: Caller) -> None:
    """Photos in parts, one after the other; of every other one the last byte is kept."""
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
    """Sends one message, or all but its last byte, and returns how the call ends."""
    size = -(-len(message) // PARTS)
    with Peer(target) as peer:
        stream = peer.call()
        for start in range(0, len(message) - 1, size):
            peer.send(stream, message[start : min(start + size, len(message) - 1)])
            peer.listen(PAUSE)
        if complete:
            peer.send(stream, message[-1:], end=True)
        status = peer.wait(stream, PATIENCE)
        if status is None or status < 0:
            return "LOST"
        reason = peer.reasons.get(stream, "")
        return f"{CODE_NAMES[status]} {reason}".strip()
