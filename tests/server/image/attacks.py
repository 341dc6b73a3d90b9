"""Hostile files: small for what they claim, or far more costly than they look.

Each is made by code, at the size asked for, so that the tests attack with small ones
and `benchmarks/image_attacks.py` with the largest that a server takes.
"""

import struct
import zlib
from collections.abc import Callable

from PIL import Image

from tests.server.image.samples import bmp, png_chunk, save
from tests.server.image.tiff_writer import Tags, gray_tags, tiff

Scans = Callable[[int, int], bytes]
"""Makes a JPEG of this side with this many scans."""

PNG_START = b"\x89PNG\r\n\x1a\n"


def jpeg(height: int, width: int | None = None) -> bytes:
    """A white JPEG of 8-bit colour."""
    return save(Image.new("RGB", (width or height, height), "white"), "JPEG")


def progressive(side: int, scans: int, mode: str = "L", *, width: int | None = None) -> bytes:
    """A progressive JPEG whose last scan, of 100 bytes or so, is there many times."""
    data = save(Image.new(mode, (width or side, side)), "JPEG", progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + last * (scans - data.count(b"\xff\xda")) + data[-2:]


def baseline_scans(side: int, scans: int) -> bytes:
    """A baseline JPEG with a scan for each component, the last of them many times."""
    gray = save(Image.new("L", (side, side)), "JPEG")
    start, scan = gray.index(b"\xff\xc0"), gray.index(b"\xff\xda")
    frame = struct.pack(">HBHHB", 17, 8, side, side, 3)
    frame += b"".join(bytes([number, 0x11, 0]) for number in (1, 2, 3))
    tables = gray[start + 4 + 9 : scan]
    pixels = [gray[scan : scan + 5] + bytes([n]) + gray[scan + 6 : -2] for n in (1, 2, 3)]
    again = pixels[2] * (scans - 3)
    return gray[:start] + b"\xff\xc0" + frame + tables + b"".join(pixels) + again + b"\xff\xd9"


def png(side: int, *, width: int | None = None, extra: bytes = b"") -> bytes:
    """A black PNG of 8-bit colour, as small as deflate makes it; `extra` chunks."""
    width = width or side
    header = struct.pack(">IIBBBBB", width, side, 8, 2, 0, 0, 0)
    packer = zlib.compressobj(9)
    row = bytes(3 * width + 1)
    rows = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    chunks = png_chunk(b"IDAT", rows) + png_chunk(b"IEND", b"")
    return PNG_START + png_chunk(b"IHDR", header) + extra + chunks


def bare_png(side: int) -> bytes:
    """A grey PNG that ends after its header, of so many pixels a side."""
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return PNG_START + png_chunk(b"IHDR", header) + bytes(64)


def text_bombs(count: int, size: int) -> bytes:
    """PNG chunks of compressed text, `size` bytes each once they are inflated."""
    packed = zlib.compress(bytes(size), 9)
    return png_chunk(b"zTXt", b"Comment\0\0" + packed) * count


def profile_bomb(size: int) -> bytes:
    """A PNG chunk of a colour profile of `size` bytes once it is inflated."""
    return png_chunk(b"iCCP", b"profile\0\0" + zlib.compress(bytes(size), 9))


def many_chunks(count: int) -> bytes:
    """A PNG with `count` empty chunks of pixels besides its own."""
    return png(16, extra=png_chunk(b"IDAT", b"") * count)


def webp(width: int, height: int, *, lossless: bool = True) -> bytes:
    """A black WebP."""
    return save(Image.new("RGB", (width, height)), "WEBP", lossless=lossless)


def webp_animation(side: int, frames: int) -> bytes:
    """An animation of small frames on a large canvas."""
    data = webp(16, 16, lossless=True)
    frame = bytes(6) + b"\x0f\0\0" * 2 + b"\x0a\0\0\0" + data[12:]
    frame_chunk = b"ANMF" + struct.pack("<I", len(frame)) + frame
    sides = (side - 1).to_bytes(3, "little") * 2
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\2\0\0\0" + sides
    body += b"ANIM" + struct.pack("<I", 6) + bytes(6) + frame_chunk * frames
    return b"RIFF" + struct.pack("<I", len(body)) + body


def runs(side: int) -> bytes:
    """A BMP of runs that ends before its first pixel."""
    return bmp(side, side, 8, b"\0\1", coding=1, palette=bytes(1024))


def bilevel(side: int) -> bytes:
    """A BMP of one bit a pixel."""
    return save(Image.new("1", (side, side)), "BMP")


def page(side: int, compression: str, mode: str = "RGB", *, width: int | None = None) -> bytes:
    """A black TIFF in one strip."""
    image = Image.new(mode, (width or side, side))
    return save(image, "TIFF", compression=compression, tiffinfo={278: side})


def claimed(side: int, coding: int, size: int) -> bytes:
    """A TIFF of `size` bytes that claims side x side pixels in one strip."""
    tags: Tags = gray_tags(side, side) | {259: ("H", [coding]), 279: ("L", [size])}
    return tiff(tags, bytes(size))


def jpeg_page(side: int, scans: int) -> bytes:
    """A TIFF whose strips are all one progressive JPEG of `scans` scans."""
    rows = min(side, 250)
    strips, data = side // rows, progressive(rows, scans, width=side)
    tags: Tags = gray_tags(side, rows * strips) | {
        259: ("H", [7]),
        273: ("L", [0] * strips),
        278: ("L", [rows]),
        279: ("L", [len(data)] * strips),
    }
    return tiff(tags, data)


def overlapping_jpegs(count: int) -> bytes:
    """A TIFF of JPEG strips, each of which is all that follows its first byte."""
    tags: Tags = gray_tags(8, 8 * count) | {
        259: ("H", [7]),
        273: ("L", list(range(count))),
        278: ("L", [8]),
        279: ("L", list(range(2 * count, count, -1))),
    }
    return tiff(tags, bytes(2 * count))


def repeated_strips(count: int) -> bytes:
    """An uncompressed TIFF whose two halves are there many times."""
    tags: Tags = gray_tags(64, 64) | {
        273: ("L", [0, 2048] * count),
        278: ("L", [32]),
        279: ("L", [2048, 2048] * count),
    }
    return tiff(tags, bytes(4096))


def tall_tiles(count: int) -> bytes:
    """A TIFF of one row, in tiles of a million rows that are all one."""
    data = zlib.compress(bytes(16 << 20), 9)
    tags: Tags = gray_tags(16 * count, 1) | {
        259: ("H", [8]),
        322: ("L", [16]),
        323: ("L", [1 << 20]),
        324: ("L", [0] * count),
        325: ("L", [len(data)] * count),
    }
    tags = {tag: value for tag, value in tags.items() if tag not in (273, 278, 279)}
    return tiff(tags, data)


def many_strips(count: int) -> bytes:
    """An uncompressed TIFF with a strip for each row of one pixel."""
    tags: Tags = gray_tags(1, count) | {
        273: ("L", list(range(count))),
        278: ("L", [1]),
        279: ("L", [1] * count),
    }
    return tiff(tags, bytes(count))


def many_values(tag: int, count: int) -> bytes:
    """A TIFF with a tag of `count` numbers."""
    tags: Tags = gray_tags(20, 10) | {tag: ("H", [1] * count)}
    return tiff(tags, bytes(200))


def looping_ifds() -> bytes:
    """A TIFF whose first IFD links to itself as the next one."""
    data = bytearray(tiff(gray_tags(20, 10), bytes(200)))
    start = int.from_bytes(data[4:8], "little")
    entries = int.from_bytes(data[start : start + 2], "little")
    struct.pack_into("<I", data, start + 2 + 12 * entries, start)
    return bytes(data)


def camera_bomb(count: int) -> bytes:
    """A TIFF whose EXIF IFD has one tag of this many numbers."""
    inner = struct.pack("<HHHLL", 1, 40_000, 3, count, 8) + bytes(4)
    pixels = bytes(2 * count) + inner
    tags: Tags = gray_tags(20, 10) | {34665: ("L", [8 + 2 * count])}
    return tiff(tags, pixels)
