"""Frames of HTTP/2 that are cheap to send, made in great numbers."""

from collections.abc import Iterator

from hpack import Encoder
from hyperframe.frame import (
    ContinuationFrame,
    Frame,
    HeadersFrame,
    RstStreamFrame,
)

from benchmarks.attacks.peer import DETECT, call_headers

CANCEL = 8
BLOCK = 16_000
"""Bytes of a header block in one frame; 16384 are allowed."""


def rapid_resets(calls: int) -> Iterator[Frame]:
    """Calls, each taken back at once."""
    for stream in range(1, 2 * calls, 2):
        yield _headers(stream)
        yield RstStreamFrame(stream, CANCEL)


def open_calls(calls: int) -> Iterator[Frame]:
    """Calls of which nothing but the headers ever comes."""
    return (_headers(stream) for stream in range(1, 2 * calls, 2))


def metadata(stream: int, size: int) -> Iterator[Frame]:
    """A call with so many bytes of metadata, by a peer that agreed to no settings."""
    block = Encoder().encode(call_headers(DETECT))
    block += _entry(BLOCK - 100) * (size // BLOCK)
    parts = [block[start : start + BLOCK] for start in range(0, len(block), BLOCK)]
    frames: list[Frame] = [HeadersFrame(stream, parts[0])]
    frames += [ContinuationFrame(stream, part) for part in parts[1:]]
    frames[-1].flags.add("END_HEADERS")
    yield from frames


def _headers(stream: int) -> HeadersFrame:
    block = Encoder().encode(call_headers(DETECT))
    return HeadersFrame(stream, block, flags=["END_HEADERS"])


def _entry(size: int) -> bytes:
    """An entry that goes into no table, with a value of so many bytes, 254 and more."""
    rest, length = size - 127, b""
    while rest >= 128:
        length += bytes([rest % 128 + 128])
        rest //= 128
    return b"\x00\x01x\x7f" + length + bytes([rest]) + b"v" * size
