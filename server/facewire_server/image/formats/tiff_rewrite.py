"""A TIFF file with a directory as decoders understand it, before the same pixels.

Rule: only the tags that make pixels are kept. What is written is always a small TIFF:
libtiff reads any, and Pillow takes a BigTIFF in Motorola order for another format.
"""

import struct
from collections.abc import Mapping, Sequence

from facewire_server.image.formats.tiff_ifd import Ifd
from facewire_server.image.formats.tiff_tags import (
    STRIP_LENGTHS,
    STRIP_OFFSETS,
    TILE_LENGTHS,
    TILE_OFFSETS,
)

# Size, bits, coding and colours; fax, predictor, palette, inks, extra samples, format;
# tables and places of JPEG; what YCbCr means.
_KEPT = frozenset(
    {*range(256, 260), 262, 266, 273, 277, 278, 279, 284, 292, 293, 317, 320}
    | {*range(322, 326), 332, 338, 339, 347, *range(512, 522), *range(529, 533)}
)
_STRIPS, _TILES = {STRIP_OFFSETS, STRIP_LENGTHS}, {TILE_OFFSETS, TILE_LENGTHS}

# Bytes of a value by type, and the types of numbers that are written as LONG.
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_LONG, _LONG8 = 4, 16


def rewrite(directory: Ifd, changes: Mapping[int, Sequence[int]]) -> bytes:
    """The file of `directory`, with other values for the tags in `changes`.

    Its pixels stay where they are: the new directory lies behind all else. ValueError
    for tags whose values are not in the file.
    """
    kept = _KEPT - (_STRIPS if TILE_OFFSETS in directory.entries else _TILES)
    fields = {tag: _field(directory, tag) for tag in directory.entries if tag in kept}
    order = directory.order
    for tag, numbers in changes.items():
        values = struct.pack(f"{order}{len(numbers)}L", *numbers)
        fields[tag] = (_LONG, len(numbers), values)
    data = directory.data
    start = len(data) + len(data) % 2
    behind = start + 2 + 12 * len(fields) + 4
    entries, long_values = [struct.pack(order + "H", len(fields))], b""
    for tag, (kind, count, values) in sorted(fields.items()):
        if len(values) > 4:
            place = struct.pack(order + "L", behind + len(long_values))
            long_values += values
            values = place
        entry = struct.pack(order + "HHL", tag, kind, count)
        entries.append(entry + values.ljust(4, b"\0"))
    mark = b"II" if order == "<" else b"MM"
    header = mark + struct.pack(order + "HL", 42, start)
    body = memoryview(data)[len(header) :]
    return b"".join([header, body, bytes(len(data) % 2), *entries, bytes(4), long_values])


def _field(directory: Ifd, tag: int) -> tuple[int, int, bytes]:
    """Type, count and bytes of a tag as they are written."""
    kind, count, place = directory.entries[tag]
    if kind == _LONG8:
        numbers = directory.integers(tag).tolist()
        if any(number >> 32 for number in numbers):
            raise ValueError(f"tag {tag} has values of more than 32 bits")
        return _LONG, count, struct.pack(f"{directory.order}{count}L", *numbers)
    size = count * _SIZES.get(kind, 1)
    if size > directory.offset_size:
        pointer = directory.order + ("L" if directory.offset_size == 4 else "Q")
        (place,) = struct.unpack_from(pointer, directory.data, place)
    values = directory.data[place : place + size]
    if len(values) < size:
        raise ValueError(f"the values of tag {tag} are not in the data")
    return kind, count, values
