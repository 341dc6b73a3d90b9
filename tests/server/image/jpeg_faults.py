"""Faults that cameras, editors and bad connections leave in JPEG files.

Each function takes a valid file and changes one thing in it.
"""

import struct
from collections.abc import Callable

Change = Callable[[bytes], bytes]

END = b"\xff\xd9"
TRAILER = b"\0\0\1\x0a\x0e\0\0\0Image_UTC_Data1609459200000SEFHk\0\0\0\1\0\0\0SEFT"


def segment(marker: int, data: bytes) -> bytes:
    """A segment with its length."""
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def in_front(data: bytes, *segments: bytes) -> bytes:
    """The file with these segments before all others."""
    return data[:2] + b"".join(segments) + data[2:]


def profile(number: int, count: int) -> bytes:
    """A segment that claims to be part `number` of `count` of a colour profile."""
    return segment(0xE2, b"ICC_PROFILE\0" + bytes([number, count]) + bytes(200))


def without(data: bytes, marker: int) -> bytes:
    """The file without the segments of a marker, up to the first scan."""
    position, kept = 2, data[:2]
    while data[position + 1] != 0xDA:
        end = position + 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        if data[position + 1] != marker:
            kept += data[position:end]
        position = end
    return kept + data[position:]


def cut(data: bytes, share: float, *, end: bytes = END) -> bytes:
    """The file with only this share of the data behind its first scan's header."""
    start = data.index(b"\xff\xda") + 14
    return data[: start + int((len(data) - 2 - start) * share)] + end


def without_interval(data: bytes, number: int) -> bytes:
    """The file without the data between two restart markers, and without the second."""
    start = [offset for offset in range(len(data)) if _is_restart(data, offset)]
    return data[: start[number]] + data[start[number + 1] :]


def _is_restart(data: bytes, offset: int) -> bool:
    return data[offset] == 0xFF and 0xD0 <= data[offset + 1] <= 0xD7


HARMLESS: dict[str, Change] = {
    "no end": lambda data: data[:-2],
    "half an end": lambda data: data[:-1],
    "trailer for the end": lambda data: data[:-2] + TRAILER,
    "trailer with an end": lambda data: data[:-2] + TRAILER + END,
    "trailer with markers": lambda data: data[:-2] + TRAILER + b"\xff\xc4\0\3\xff\xda!",
    "film for the end": lambda data: data[:-2] + b"\0\0\0\x18ftypmp42" + bytes(300),
    "second image for the end": lambda data: data[:-2] + data,
    "second image": lambda data: data + data,
    "zeros": lambda data: data + bytes(4096),
    "zeros for the end": lambda data: data[:-2] + bytes(4096),
    "zeros before the end": lambda data: data[:-2] + bytes(512) + END,
    "stray bytes before the end": lambda data: data[:-2] + b"stray" * 50 + END,
    "profile twice": lambda data: in_front(data, profile(1, 1), profile(1, 1)),
    "profile 0 of 0": lambda data: in_front(data, profile(0, 0)),
    "profile 3 of 2": lambda data: in_front(data, profile(3, 2)),
    "profile 1 of 2": lambda data: in_front(data, profile(1, 2)),
    "profiles that disagree": lambda data: in_front(data, profile(1, 2), profile(2, 3)),
    "short profile": lambda data: in_front(data, segment(0xE2, b"ICC_PROFILE\0\1")),
    "short comment": lambda data: in_front(data, segment(0xFE, b"") + b"words" * 100),
    "stray bytes": lambda data: in_front(data, segment(0xFE, b""), b"\0\1\2\3" * 20),
    "strange JFIF": lambda data: data.replace(b"JFIF\0\1", b"JFIF\0\7"),
    "strange Adobe": lambda data: in_front(
        without(data, 0xE0), segment(0xEE, b"Adobe\0\x64\0\0\0\0\7")
    ),
    "no tables, no end": lambda data: without(data, 0xC4)[:-2],
}
"""By name, faults that lose no pixel of a valid colour file with the standard's tables."""

WARNINGS: dict[str, Change] = {
    name: HARMLESS[name]
    for name in (
        "profile twice",
        "profile 0 of 0",
        "short comment",
        "stray bytes",
        "strange JFIF",
        "strange Adobe",
    )
}
"""Those of them that a decoder warns of before it reads the pixels."""
