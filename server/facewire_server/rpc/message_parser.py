"""Parsers of received messages, which cut the image out, and record the size of each.

Rule: an image is never copied: protobuf gets the message without it, and would copy it
twice, on the event loop. Of a message over the limit only the small fields are parsed.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

from google.protobuf.message import DecodeError

from facewire_server.errors import Reason, RequestError
from facewire_server.image.data import Data

M = TypeVar("M")

MOST_FIELDS = 16
"""How many fields of a message are looked at here; facewire's messages have fewer."""

SMALL = 256
"""The most bytes of a field that is parsed in such a message, tag and length included."""

MOST_LENGTH_BYTES = 5
"""The most bytes of a field's length that protobuf reads."""

GZIP = b"\x1f\x8b"
"""The first bytes of gzip data. No message begins with them: 7 is no wire type."""

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Wire types: see protobuf.dev/programming-guides/encoding."""

Field: TypeAlias = tuple[int, int, int, int, int]
"""A field: its tag, and the offsets of its start, its length, its value and its end."""

Path: TypeAlias = "Mapping[int, Path | None]"
"""Where the image is in a message: fields by number, each with the path inside of it, or
None for the image. A message has one of these fields."""

_IN_REQUEST: Path = {1: None, 2: {1: None}}
PATHS: Mapping[str, Path] = {
    "Detect": _IN_REQUEST,
    "DetectImage": {1: {2: None}},
    "DetectStream": {2: _IN_REQUEST},
}
"""By method: `encoded_image` and `raw_image.data` of the request, or `image.data`."""


class Arrival(NamedTuple):
    """What protobuf does not know of a message: its bytes, and its image.

    `image` None: the message has none, or it was parsed whole.
    """

    size: int
    image: Data | None


_NOTHING = Arrival(0, None)
ARRIVED: ContextVar[Arrival] = ContextVar("arrived", default=_NOTHING)
"""The arrival of the message that this task has parsed last.

gRPC parses a message in the task that reads it, and hands over only what was parsed: a
context variable is the way around it. Each task has its own, so calls do not mix.
"""


@dataclass(frozen=True, slots=True)
class Received(Generic[M]):
    """A message, and what arrived with it."""

    message: M
    arrival: Arrival


async def receive(messages: AsyncIterator[M]) -> Received[M] | None:
    """Return the next of these messages; None when there are no more."""
    message = await anext(messages, None)
    if message is None:
        return None
    arrival = ARRIVED.get()
    ARRIVED.set(_NOTHING)  # or the task would keep the image until the next message
    return Received(message, arrival)


def parser(
    deserialize: Any, *, limit: int | None = None, path: "Path | None" = None
) -> Callable[[bytes], Any]:
    """Make a deserializer for gRPC; it parses only small fields of messages over `limit` bytes.

    `path` is that of the image, which the parsed message is without; None: there is none.
    It raises RequestError for bytes that are not of the message's type: NOT_SERVED for gzip,
    else BAD_MESSAGE.
    """

    def parse(data: bytes) -> Any:
        image = None
        try:
            if limit is not None and len(data) > limit:
                return deserialize(b"".join(_small_fields(data)))
            if path is not None:
                rest, image = cut_out(data, path)
                return deserialize(rest)
            return deserialize(data)
        except (DecodeError, IndexError):
            raise _unreadable(data) from None
        finally:
            ARRIVED.set(Arrival(len(data), image))

    return parse


def _unreadable(data: bytes) -> RequestError:
    """Return the error of bytes that are no message."""
    if data.startswith(GZIP):
        return RequestError(
            Reason.NOT_SERVED,
            "compressed messages are not served, since gzip makes no image smaller: "
            "turn off compression in the client",
        )
    return RequestError(Reason.BAD_MESSAGE, "the message is not of the type that is asked for")


def cut_out(data: bytes, path: Path) -> tuple[bytes, memoryview | None]:
    """Return a message with an empty field in the place of its image, and the image.

    The message as it is, and None, where it has no image, and where it is unusual: where
    fields of the path are repeated, which protobuf would merge, and where it is broken.
    What is left of a message is as broken as the whole was.
    """
    try:
        return _cut(data, 0, len(data), path) or (data, None)
    except (DecodeError, IndexError):
        return data, None


def _cut(data: bytes, start: int, end: int, path: Path) -> tuple[bytes, memoryview] | None:
    """See cut_out; of the message that is in `data` from `start` to `end`."""
    found, position = None, start
    for field in _fields(data, start, end):
        tag, _, _, _, position = field
        if tag >> 3 in path:
            if found is not None or tag & 7 != BYTES:
                return None
            found = field
    if found is None or position != end:
        return None
    tag, _, length, value, value_end = found
    # Its length is written anew below: one that protobuf refuses must stay.
    if value - length > MOST_LENGTH_BYTES:
        return None
    inner = path[tag >> 3]
    if inner is None:
        body, image = b"", memoryview(data)[value:value_end]
    else:
        cut = _cut(data, value, value_end, inner)
        if cut is None:
            return None
        body, image = cut
    rest = (data[start:length], _encoded(len(body)), body, data[value_end:end])
    return b"".join(rest), image


def _fields(data: bytes, start: int, end: int) -> Iterator[Field]:
    """Yield the fields of a message, the first MOST_FIELDS; the last may end behind it.

    Raises DecodeError or IndexError for broken fields.
    """
    for _ in range(MOST_FIELDS):
        if start >= end:
            return
        tag, body = _varint(data, start)
        kind, length = tag & 7, body
        if kind == VARINT:
            _, stop = _varint(data, body)
        elif kind == BYTES:
            size, body = _varint(data, body)
            stop = body + size
        elif kind in (FIXED32, FIXED64):
            stop = body + (4 if kind == FIXED32 else 8)
        else:
            raise DecodeError
        yield tag, start, length, body, stop
        start = stop


def _small_fields(data: bytes) -> Iterator[bytes]:
    """Yield the encoded fields of a message that are at most SMALL bytes long."""
    for _, start, _, _, end in _fields(data, 0, len(data)):
        if end - start <= SMALL:
            yield data[start:end]


def _varint(data: bytes, start: int) -> tuple[int, int]:
    """Return the variable-length number at `start`, and the offset after it."""
    byte = data[start]
    if byte < 0x80:
        return byte, start + 1
    value = 0
    for index in range(10):
        byte = data[start + index]
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, start + index + 1
    raise DecodeError


def _encoded(number: int) -> bytes:
    """Encode a number with a variable length."""
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)
