"""A call in HTTP/2 written by hand, for headers that no gRPC client would send."""

import socket
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RESET, SETTINGS, GO_AWAY = 0x0, 0x1, 0x3, 0x4, 0x7
END_STREAM, END_HEADERS = 0x1, 0x4


def call(port: int, path: str, *headers: tuple[bytes, bytes]) -> bytes:
    """Calls with an empty message; returns the header blocks that come back."""
    block = b"".join(
        _literal(name, value)
        for name, value in (
            (b":method", b"POST"),
            (b":scheme", b"http"),
            (b":path", path.encode()),
            (b":authority", b"127.0.0.1"),
            (b"te", b"trailers"),
            (b"content-type", b"application/grpc"),
            *headers,
        )
    )
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(
            PREFACE
            + _frame(SETTINGS, 0, 0, b"")
            + _frame(HEADERS, END_HEADERS, 1, block)
            + _frame(DATA, END_STREAM, 1, bytes(5))
        )
        return _answer(connection)


def _answer(connection: socket.socket) -> bytes:
    """What is in the header frames of stream 1, until it ends."""
    blocks = b""
    with connection.makefile("rb") as stream:
        while head := stream.read(9):
            length = int.from_bytes(head[:3])
            kind, flags, number = struct.unpack(">BBI", head[3:])
            payload = stream.read(length)
            if kind == HEADERS:
                blocks += payload
            if kind in (RESET, GO_AWAY) or (number == 1 and flags & END_STREAM):
                break
    return blocks


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    head = len(payload).to_bytes(3) + struct.pack(">BBI", kind, flags, stream)
    return head + payload


def _literal(name: bytes, value: bytes) -> bytes:
    """A header field without indexing and without Huffman code (RFC 7541, 6.2.2)."""
    assert len(name) < 127 > len(value)
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value
