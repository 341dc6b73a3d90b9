"""Connections that break in the middle of a request, by a socket of their own.

A gRPC library would say good-bye. Here the frames of HTTP/2 are put together by hand,
as many of them are sent as wanted, and the socket is closed.
"""

import asyncio
import socket
import struct

from benchmarks.soak.caller import Caller
from benchmarks.soak.ledger import CUT, Kind
from facewire.v1 import detect_pb2 as pb

CUTS = Kind("dropped connections", "Detect", frozenset((CUT,)))

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS = 0, 1, 4
END_STREAM, END_HEADERS = 1, 4
FRAME = 16_384
"""The most bytes in a frame; and no more than four fit before the peer says go on."""


async def cut(caller: Caller) -> None:
    """Sends up to all bytes of a request, waits for up to 20 ms, and is gone."""
    smallest = min(caller.photos, key=lambda photo: len(photo.jpeg))
    request = pb.DetectRequest(encoded_image=smallest.jpeg).SerializeToString()
    host, _, port = caller.target.rpartition(":")
    content = http2_request(f"{host}:{port}", request)
    while not caller.stop.is_set():
        most = caller.chance.choice((len(content), caller.chance.randrange(1, 20_000)))
        caller.ledger.send(CUTS)
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(content[:most])
        await writer.drain()
        await asyncio.sleep(caller.chance.uniform(0, 0.02))
        if caller.chance.random() < 0.5:
            _reset(writer.get_extra_info("socket"))
        writer.transport.abort()
        caller.ledger.end(CUTS, CUT)
        await caller.pause(0.3)


def http2_request(authority: str, message: bytes) -> bytes:
    """A call of Detect from the first byte of its connection to the last."""
    headers = (
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/facewire.v1.DetectService/Detect"),
        (":authority", authority),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    )
    block = b"".join(_literal(name) + _literal(value, b"") for name, value in headers)
    body = struct.pack(">BI", 0, len(message)) + message
    parts = [body[at : at + FRAME] for at in range(0, len(body), FRAME)]
    return b"".join(
        (
            PREFACE,
            _frame(SETTINGS, 0, 0, b""),
            _frame(HEADERS, END_HEADERS, 1, block),
            *(_frame(DATA, 0, 1, part) for part in parts),
            _frame(DATA, END_STREAM, 1, b""),
        )
    )


def _literal(text: str, prefix: bytes = b"\x00") -> bytes:
    """HPACK: a string; before a name, that it is a new one and not to be kept."""
    return prefix + bytes([len(text)]) + text.encode()


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    head = struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream)
    return head + payload


def _reset(connection: socket.socket) -> None:
    """Has the socket end with a reset instead of a good-bye."""
    linger = struct.pack("ii", 1, 0)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
