"""Messages as they are received: their size, and no more than that of those too large.

Rule: the size is that of the bytes which came, and nothing is made of a message to find
it; what is over the limit is not parsed but for its small fields.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from google.protobuf.message import DecodeError

from facewire_server.errors import Reason, RequestError

M = TypeVar("M")

MOST_FIELDS = 16
"""So many fields of a message that is too large are looked at; ours have fewer."""

SMALL = 256
"""Bytes of a field that is kept of such a message."""

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Wire types: see protobuf.dev/programming-guides/encoding."""

_last_size: ContextVar[int] = ContextVar("last_size", default=0)


@dataclass(frozen=True, slots=True)
class Received(Generic[M]):
    """A message, and how many bytes it came as."""

    message: M
    size: int


def last_size() -> int:
    """How many bytes the message has that this task has read last."""
    return _last_size.get()


async def receive(messages: AsyncIterator[M]) -> Received[M] | None:
    """The next of these messages; None: there are no more."""
    message = await anext(messages, None)
    return None if message is None else Received(message, last_size())


def parser(deserialize: Any, limit: int | None) -> Callable[[bytes], Any]:
    """What makes messages of bytes: of more than `limit` it takes the small fields.

    It raises RequestError for bytes that are no message.
    """

    def parse(data: bytes) -> Any:
        _last_size.set(len(data))
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
    """The first fields of a message that are no longer than SMALL, as they stand.

    Raises DecodeError and IndexError where they are none.
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
    """A number of the wire format, and where it ends."""
    value = 0
    for index in range(10):
        byte = data[start + index]
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, start + index + 1
    raise DecodeError
