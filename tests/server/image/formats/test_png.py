"""PNG files: colour types, animations, and broken or too many chunks."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from facewire_server.errors import Reason
from facewire_server.image.decode import decode
from facewire_server.image.formats.png import MAX_CHUNKS
from facewire_server.image.picture import PixelLayout
from tests.server.image.samples import (
    LIMITS,
    bgr,
    gray16,
    png_chunk,
    refusal,
    rgb,
    rgba,
    save,
    smooth,
    to_bgr,
)

START = b"\x89PNG\r\n\x1a\n"


def _png(width: int, height: int, bits: int, colour_type: int, rows: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    pixels = png_chunk(b"IDAT", zlib.compress(rows))
    return START + png_chunk(b"IHDR", header) + pixels + png_chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "image",
    [
        rgb(),
        rgb().convert("L"),
        rgb().convert("1"),
        rgb().quantize(3),
        rgb().quantize(200),
        rgba(),
        rgba().convert("LA"),
    ],
    ids=lambda image: f"{image.mode}-{len(image.getcolors() or [])}",
)
def test_the_colours_come_out_as_stored(image: Image.Image) -> None:
    decoded = to_bgr(decode(save(image, "PNG"), limits=LIMITS))
    assert np.array_equal(decoded, bgr(image))


def test_a_palette_with_transparency_keeps_its_colours() -> None:
    image = rgb().quantize(9)
    clear = save(image, "PNG", transparency=bytes(range(0, 90, 10)))
    decoded = to_bgr(decode(clear, limits=LIMITS))
    assert np.array_equal(decoded, bgr(image))


def test_a_transparent_colour_is_a_colour() -> None:
    data = save(rgb(), "PNG", transparency=(1, 2, 3))
    decoded = to_bgr(decode(data, limits=LIMITS))
    assert np.array_equal(decoded, bgr(rgb()))


def test_the_top_8_of_16_bits_count_in_grey() -> None:
    picture = decode(save(gray16(), "PNG"), limits=LIMITS)
    assert picture.layout is PixelLayout.GRAY
    assert np.array_equal(picture.pixels, smooth(channels=1)[:, :, 0])


@pytest.mark.parametrize(("colour_type", "channels"), [(2, 3), (4, 2), (6, 4)])
def test_the_top_8_of_16_bits_count_in_colour(colour_type: int, channels: int) -> None:
    samples = smooth(9, 5, channels)
    wide = (samples.astype(">u2") << 8 | 255).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in wide)
    decoded = to_bgr(decode(_png(9, 5, 16, colour_type, rows), limits=LIMITS))
    colours = samples[:, :, [0, 0, 0] if channels == 2 else [2, 1, 0]]
    assert np.array_equal(decoded, colours)


def test_of_an_animation_the_still_image_counts() -> None:
    other = Image.new("RGB", (61, 47), "red")
    data = save(rgb(), "PNG", save_all=True, append_images=[other, other])
    decoded = to_bgr(decode(data, limits=LIMITS))
    assert np.array_equal(decoded, bgr(rgb()))


def test_a_second_header_does_not_pass_the_limit() -> None:
    data = save(rgb(), "PNG")
    larger = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    first = len(START) + 25
    sneaky = data[:first] + png_chunk(b"IHDR", larger) + data[first:]
    assert refusal(sneaky) in (Reason.IMAGE_TOO_LARGE, Reason.CORRUPT_IMAGE)


def test_a_wrong_checksum_is_corrupt() -> None:
    data = bytearray(save(rgb(), "PNG"))
    data[len(START) + 21] ^= 1
    assert refusal(bytes(data)) is Reason.CORRUPT_IMAGE


def test_a_flood_of_chunks_is_refused() -> None:
    data = save(rgb(), "PNG")
    end = data.index(b"IDAT") - 4
    flood = data[:end] + png_chunk(b"abCd", b"") * MAX_CHUNKS + data[end:]
    assert refusal(flood) is Reason.CORRUPT_IMAGE
