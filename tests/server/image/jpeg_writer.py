"""Write JPEG files of one colour, with samplings that no common encoder writes."""

import struct

Factors = list[tuple[int, int]]
"""Horizontal and vertical sampling factor of each component."""


def flat_jpeg(
    width: int,
    height: int,
    colour: tuple[int, ...],
    factors: Factors,
    *,
    adobe_transform: int | None = None,
) -> bytes:
    """A baseline JPEG in which every sample of component k is colour[k].

    Only the first coefficient of a block is not 0; a code of 4 bits says how many
    bits its difference has, a code of 1 bit ends the block.
    """
    file = b"\xff\xd8"
    if adobe_transform is not None:
        file += _segment(0xEE, b"Adobe" + struct.pack(">HHHB", 100, 0, 0, adobe_transform))
    file += _segment(0xDB, b"\0" + b"\1" * 64)
    components = b"".join(
        struct.pack("BBB", number, across << 4 | down, 0)
        for number, (across, down) in enumerate(factors, 1)
    )
    frame = struct.pack(">BHHB", 8, height, width, len(factors)) + components
    file += _segment(0xC0, frame)
    file += _segment(0xC4, b"\0" + bytes([0, 0, 0, 12]) + bytes(12) + bytes(range(12)))
    file += _segment(0xC4, b"\x10" + bytes([1]) + bytes(15) + b"\0")
    scan = b"".join(struct.pack("BB", number, 0) for number in range(1, len(factors) + 1))
    file += _segment(0xDA, bytes([len(factors)]) + scan + bytes([0, 63, 0]))
    return file + _blocks(width, height, colour, factors) + b"\xff\xd9"


def _segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def _blocks(width: int, height: int, colour: tuple[int, ...], factors: Factors) -> bytes:
    across = -(-width // (8 * max(factor[0] for factor in factors)))
    down = -(-height // (8 * max(factor[1] for factor in factors)))
    first = rest = ""
    for level, (columns, rows) in zip(colour, factors, strict=True):
        same = "00000" * (columns * rows - 1)
        first += _difference((level - 128) * 8) + same
        rest += "00000" + same
    bits = first + rest * (across * down - 1)
    bits += "1" * (-len(bits) % 8)
    packed = int(bits, 2).to_bytes(len(bits) // 8, "big")
    return packed.replace(b"\xff", b"\xff\0")


def _difference(value: int) -> str:
    size = abs(value).bit_length()
    code = value if value > 0 else value + (1 << size) - 1
    return f"{size:04b}" + (f"{code:0{size}b}" if size else "") + "0"
