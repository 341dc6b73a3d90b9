"""Write TIFF files for the tests, broken ones too."""

import struct

Tags = dict[int, tuple[str, list[int]]]
"""By tag: the type ("B", "H", "L" or "Q") and the values."""

_TYPES = {"B": 1, "H": 3, "L": 4, "Q": 16}
_PLACES = (273, 324)


def gray_tags(width: int, height: int) -> Tags:
    """The tags of an uncompressed 8-bit grey image in one strip."""
    return {
        256: ("L", [width]),
        257: ("L", [height]),
        258: ("H", [8]),
        259: ("H", [1]),
        262: ("H", [1]),
        273: ("L", [0]),
        277: ("H", [1]),
        278: ("L", [height]),
        279: ("L", [width * height]),
    }


def tiff(tags: Tags, pixels: bytes = b"", *, order: str = "<", big: bool = False) -> bytes:
    """A file of header, pixels, IFD and, behind it, the values that do not fit into an entry.

    The values of the tags that say where strips and tiles are count from the first
    byte of the pixels.
    """
    width, pointer, counter = (8, "Q", "Q") if big else (4, "L", "H")
    version = (43, 8, 0) if big else (42,)
    header = {"<": b"II", ">": b"MM"}[order]
    header += struct.pack(f"{order}{len(version)}H", *version)
    start = len(header) + width
    count = struct.pack(order + counter, len(tags))
    directory = start + len(pixels)
    values = directory + len(count) + (4 + 2 * width) * len(tags) + width
    entries = long_values = b""
    for tag, (kind, numbers) in sorted(tags.items()):
        moved = [number + start * (tag in _PLACES) for number in numbers]
        value = struct.pack(f"{order}{len(moved)}{kind}", *moved)
        if len(value) > width:
            place = struct.pack(order + pointer, values + len(long_values))
            long_values += value
            value = place
        entry = struct.pack(order + "HH" + pointer, tag, _TYPES[kind], len(moved))
        entries += entry + value.ljust(width, b"\0")
    header += struct.pack(order + pointer, directory)
    return header + pixels + count + entries + bytes(width) + long_values
