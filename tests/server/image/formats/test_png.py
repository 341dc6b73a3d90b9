"""PNG files: all colour types, depths and orders of rows; broken or too many chunks."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from facewire_server.errors import Reason, RequestError
from facewire_server.image.decode import decode
from facewire_server.image.formats.png import MAX_CHUNKS
from facewire_server.image.picture import PixelLayout
from tests.server.image.png_writer import (
    GREY,
    GREY_ALPHA,
    PALETTE,
    RGB,
    RGBA,
    START,
    png,
)
from tests.server.image.samples import (
    LIMITS,
    bgr,
    error_reason,
    gray16,
    png_chunk,
    rgb,
    rgba,
    save,
    smooth,
    to_bgr,
)

COLOURS = np.random.default_rng(1).integers(0, 256, (256, 3), dtype=np.uint8)
TYPES = [(GREY, bits) for bits in (1, 2, 4, 8, 16)]
TYPES += [(PALETTE, bits) for bits in (1, 2, 4, 8)]
TYPES += [(kind, bits) for kind in (RGB, GREY_ALPHA, RGBA) for bits in (8, 16)]
SAMPLES = {GREY: 1, PALETTE: 1, RGB: 3, GREY_ALPHA: 2, RGBA: 4}
TRANSPARENCY = {GREY: bytes(2), RGB: bytes(6), PALETTE: bytes(2)}
GAMMA = png_chunk(b"gAMA", (200_000).to_bytes(4, "big"))


def _png_from_rows(width: int, height: int, bits: int, colour_type: int, rows: bytes) -> bytes:
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
    decoded = to_bgr(decode(_png_from_rows(9, 5, 16, colour_type, rows), limits=LIMITS))
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
    assert error_reason(sneaky) in (Reason.IMAGE_TOO_LARGE, Reason.CORRUPT_IMAGE)


def test_a_wrong_checksum_is_corrupt() -> None:
    data = bytearray(save(rgb(), "PNG"))
    data[len(START) + 21] ^= 1
    assert error_reason(bytes(data)) is Reason.CORRUPT_IMAGE


def test_a_flood_of_chunks_is_refused() -> None:
    data = save(rgb(), "PNG")
    end = data.index(b"IDAT") - 4
    flood = data[:end] + png_chunk(b"abCd", b"") * MAX_CHUNKS + data[end:]
    assert error_reason(flood) is Reason.CORRUPT_IMAGE


@pytest.mark.parametrize(("colour_type", "bits"), TYPES)
@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("size", [(37, 29), (8, 8), (1, 1), (5, 1), (1, 6), (3, 2)])
@pytest.mark.parametrize("more", [False, True])
def test_a_layout_is_decoded_correctly(
    colour_type: int, bits: int, interlaced: bool, size: tuple[int, int], more: bool
) -> None:
    eight = smooth(*size, SAMPLES[colour_type]).astype(np.int64)
    numbers = eight >> (8 - bits) if bits < 8 else eight << (bits - 8)
    extra = GAMMA if more else b""
    if colour_type == PALETTE:
        extra += png_chunk(b"PLTE", COLOURS[: 1 << bits].tobytes())
    if more and colour_type in TRANSPARENCY:
        extra += png_chunk(b"tRNS", TRANSPARENCY[colour_type])
    data = png(numbers, bits, colour_type, interlaced=interlaced, extra=extra)
    if colour_type == PALETTE:
        right = COLOURS[numbers[:, :, 0]]
    else:
        left = numbers * 255 // ((1 << bits) - 1) if bits < 8 else eight
        right = left[:, :, [0, 0, 0] if SAMPLES[colour_type] < 3 else [0, 1, 2]]
    assert np.array_equal(to_bgr(decode(data, limits=LIMITS)), right[:, :, ::-1])


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("cut_rows", [1, 40, 1500])
@pytest.mark.parametrize("brightness", [0, 200])
def test_rows_that_were_never_compressed_are_missed(
    interlaced: bool, cut_rows: int, brightness: int
) -> None:
    numbers = np.full((29, 37, 3), brightness)
    whole = png(numbers, 8, RGB, interlaced=interlaced)
    assert error_reason(whole) is None
    cut = png(numbers, 8, RGB, interlaced=interlaced, cut_rows=cut_rows)
    assert error_reason(cut) is Reason.CORRUPT_IMAGE


@pytest.mark.parametrize("interlaced", [False, True])
def test_data_behind_the_last_pixel_may_be_cut_off(interlaced: bool) -> None:
    numbers = smooth(37, 29).astype(np.int64)
    data = png(numbers, 8, RGB, interlaced=interlaced)
    right = decode(data, limits=LIMITS).pixels
    # The end chunk, and the checksums of the chunk and of the compressed data.
    for cut in range(1, 12 + 4 + 4):
        assert np.array_equal(decode(data[:-cut], limits=LIMITS).pixels, right)
    assert error_reason(data[:-40]) is Reason.CORRUPT_IMAGE


def test_the_last_chunk_of_pixels_may_claim_more_than_there_is() -> None:
    data = png(smooth(37, 29).astype(np.int64), 8, RGB)
    place = data.index(b"IDAT") - 4
    claim = data[:place] + (1 << 30).to_bytes(4, "big") + data[place + 4 :]
    right = decode(data, limits=LIMITS).pixels
    assert np.array_equal(decode(claim, limits=LIMITS).pixels, right)
    assert error_reason(claim[: len(data) // 2]) is Reason.CORRUPT_IMAGE


@pytest.mark.parametrize("kind", [b"tEXt", b"eXIf", b"iCCP", b"tIME", b"abCd"])
def test_other_chunks_may_be_broken_or_cut_off(kind: bytes) -> None:
    numbers = smooth(37, 29).astype(np.int64)
    right = png(numbers, 8, RGB)
    chunk = png_chunk(kind, b"x\0" * 20)
    wrong = chunk[:-4] + b"oops"
    before = png(numbers, 8, RGB, extra=wrong)
    behind = right[:-12] + wrong + right[-12:]
    pixels = decode(right, limits=LIMITS).pixels
    for data in (before, behind, right[:-12] + chunk[:-9], right + b"junk"):
        assert np.array_equal(decode(data, limits=LIMITS).pixels, pixels)


@pytest.mark.parametrize("size", [4, 100])
def test_apples_variant_is_refused_by_name(size: int) -> None:
    data = png(smooth(9, 9, 4).astype(np.int64), 8, RGBA)
    apples = START + png_chunk(b"CgBI", bytes(size)) + data[len(START) :]
    with pytest.raises(RequestError, match="CgBI.* not supported") as error:
        decode(apples, limits=LIMITS)
    assert error.value.reason is Reason.UNSUPPORTED_FORMAT
