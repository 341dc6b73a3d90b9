"""Parsers of received messages, which also record the size of each.

Rule: the size is that of the bytes received, so that no message is serialized again to
find it; of a message over the limit only the small fields are parsed.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from google.protobuf.message import DecodeError

from facewire_server.errors import Reason, RequestError

M = TypeVar("M")

MOST_FIELDS = 16
"""How many fields of a message over the limit are read; facewire's messages have fewer."""

SMALL = 256
"""The most bytes of a field that is parsed in such a message, tag and length included."""

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Wire types: see protobuf.dev/programming-guides/encoding."""

received_size: ContextVar[int] = ContextVar("received_size", default=0)
"""The size in bytes of the message that this task has parsed last.

gRPC parses a message in the task that reads it, and hands over only what was parsed: a
context variable is the way around it. Each task has its own, so calls do not mix.
"""


@dataclass(frozen=True, slots=True)
class Received(Generic[M]):
    """A message, and how many bytes were received for it."""

    message: M
    size: int


async def receive(messages: AsyncIterator[M]) -> Received[M] | None:
    """Return the next of these messages and its size; None when there are no more."""
    message = await anext(messages, None)
    return None if message is None else Received(message, received_size.get())


def parser(deserialize: Any, limit: int | None) -> Callable[[bytes], Any]:
    """Make a deserializer for gRPC; it parses only small fields of messages over `limit` bytes.

    It raises RequestError (BAD_MESSAGE) for bytes that are not of the message's type.
    """

    def parse(data: bytes) -> Any:
        received_size.set(len(data))
        try:
            if limit is not None and len(data) > limit:
                return deserialize(b"".join(_small_fields(data)))
            return deserialize(data)
        except (DecodeError, IndexError):
            raise RequestError(
                Reason.BAD_MESSAGE, "the message is not of the type that is asked for"
            ) from None

    return parse


def _small_fields(data: bytes) -> Iterator[bytes]:
    """Yield the encoded fields of a message that are at most SMALL bytes long.

    Reads the first MOST_FIELDS only. Raises DecodeError or IndexError for broken fields.
    """
    start = 0
    for _ in range(MOST_FIELDS):
        if start >= len(data):
            return
        tag, end = _varint(data, start)
        kind = tag & 7
        if kind == VARINT:
            _, end = _varint(data, end)
        elif kind == BYTES:
            length, end = _varint(data, end)
            end += length
        elif kind in (FIXED32, FIXED64):
            end += 4 if kind == FIXED32 else 8
        else:
            raise DecodeError
        if end - start <= SMALL:
            yield data[start:end]
        start = end


def _varint(data: bytes, start: int) -> tuple[int, int]:
    """Return the variable-length number at `start`, and the offset after it."""
    value = 0
    for index in range(10):
        byte = data[start + index]
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, start + index + 1
    raise DecodeError
