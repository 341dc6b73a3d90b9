"""TIFF files: byte orders, compressions, depths; raw photos are refused."""

import struct

import numpy as np
import pytest
from PIL import Image

from facewire_server.errors import Reason, RequestError
from facewire_server.image.decode import decode
from tests.server.image.samples import (
    LIMITS,
    bgr,
    error_reason,
    gray16,
    rgb,
    rgba,
    save,
    smooth,
    to_bgr,
)
from tests.server.image.tiff_writer import Tags, gray_tags, tiff

GRAY = smooth(20, 10, 1)[:, :, 0]


@pytest.mark.parametrize(
    "image",
    [
        rgb(),
        rgb().convert("L"),
        rgb().convert("1"),
        rgb().quantize(200),
        rgb().convert("CMYK"),
        rgba(),
        rgba().convert("LA"),
    ],
    ids=lambda image: str(image.mode),
)
@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate"])
def test_the_colours_come_out_as_stored(image: Image.Image, compression: str) -> None:
    data = save(image, "TIFF", compression=compression)
    decoded = to_bgr(decode(data, limits=LIMITS))
    assert np.array_equal(decoded, bgr(image))


@pytest.mark.parametrize("compression", ["packbits", "zstd", "lzma"])
def test_rarer_compressions_decode(compression: str) -> None:
    data = save(rgb(), "TIFF", compression=compression)
    decoded = to_bgr(decode(data, limits=LIMITS))
    assert np.array_equal(decoded, bgr(rgb()))


@pytest.mark.parametrize(("order", "big"), [("<", False), (">", False), ("<", True), (">", True)])
def test_both_byte_orders_and_sizes_are_read(order: str, big: bool) -> None:
    data = tiff(gray_tags(20, 10), GRAY.tobytes(), order=order, big=big)
    assert np.array_equal(decode(data, limits=LIMITS).pixels, GRAY)


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw"])
def test_the_top_8_of_16_bits_count_in_grey(compression: str) -> None:
    data = save(gray16(), "TIFF", compression=compression)
    decoded = decode(data, limits=LIMITS).pixels
    assert np.array_equal(decoded, smooth(channels=1)[:, :, 0])


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_top_8_of_16_bits_count_in_colour(order: str) -> None:
    colour = smooth(20, 10)
    wide = (colour.astype(order + "u2") << 8 | 255).astype(order + "u2")
    tags = gray_tags(20, 10) | {
        258: ("H", [16, 16, 16]),
        262: ("H", [2]),
        277: ("H", [3]),
        279: ("L", [20 * 10 * 6]),
    }
    data = tiff(tags, wide.tobytes(), order=order)
    decoded = to_bgr(decode(data, limits=LIMITS))
    assert np.array_equal(decoded, colour[:, :, ::-1])


@pytest.mark.parametrize(("bits", "kind"), [(8, "u1"), (16, "<u2")])
def test_white_may_be_zero(bits: int, kind: str) -> None:
    samples = GRAY.astype(kind) << (bits - 8)
    tags = gray_tags(20, 10) | {
        258: ("H", [bits]),
        262: ("H", [0]),
        279: ("L", [samples.nbytes]),
    }
    decoded = decode(tiff(tags, samples.tobytes()), limits=LIMITS).pixels
    assert np.array_equal(decoded, 255 - GRAY)


def test_old_style_jpeg_decodes() -> None:
    jpeg = save(rgb(64, 48), "JPEG", subsampling=0, quality=90)
    tags: Tags = {
        256: ("L", [64]),
        257: ("L", [48]),
        258: ("H", [8, 8, 8]),
        259: ("H", [6]),
        262: ("H", [6]),
        273: ("L", [0]),
        277: ("H", [3]),
        278: ("L", [48]),
        279: ("L", [len(jpeg)]),
        512: ("H", [1]),
        513: ("L", [8]),
        514: ("L", [len(jpeg)]),
        530: ("H", [1, 1]),
    }
    decoded = to_bgr(decode(tiff(tags, jpeg), limits=LIMITS))
    assert np.abs(decoded - bgr(rgb(64, 48))).max() < 12


def test_tiles_decode() -> None:
    tags = gray_tags(20, 10) | {
        322: ("L", [16]),
        323: ("L", [16]),
        324: ("L", [0, 256]),
        325: ("L", [256, 256]),
    }
    tags = {tag: value for tag, value in tags.items() if tag not in (273, 278, 279)}
    padded = np.pad(GRAY, ((0, 6), (0, 12)))
    data = tiff(tags, padded[:, :16].tobytes() + padded[:, 16:].tobytes())
    assert np.array_equal(decode(data, limits=LIMITS).pixels, GRAY)


@pytest.mark.parametrize(
    ("kind", "words"),
    [("F", "32-bit floating-point grey"), ("I", "32-bit signed grey")],
)
def test_samples_of_32_bits_are_refused_by_name(kind: str, words: str) -> None:
    with pytest.raises(RequestError, match=f"holds {words} samples") as error:
        decode(save(rgb().convert(kind), "TIFF"), limits=LIMITS)
    assert error.value.reason is Reason.UNSUPPORTED_FORMAT


def test_samples_of_12_bits_are_refused_by_name() -> None:
    tags = gray_tags(20, 10) | {258: ("H", [12]), 279: ("L", [300])}
    with pytest.raises(RequestError, match="holds 12-bit grey samples"):
        decode(tiff(tags, bytes(300)), limits=LIMITS)


@pytest.mark.parametrize(
    ("compression", "words"),
    [
        (34887, "LERC"),
        (33003, "JPEG 2000"),
        (50002, "JPEG XL"),
        (50001, "WebP"),
        (4711, "compression"),
    ],
)
def test_unsupported_compressions_are_named(compression: int, words: str) -> None:
    tags = gray_tags(20, 10) | {259: ("H", [compression])}
    with pytest.raises(RequestError, match=f"coded as {words}.* not supported"):
        decode(tiff(tags, GRAY.tobytes()), limits=LIMITS)


@pytest.mark.parametrize("count", [0, 255])
def test_a_missing_palette_is_corrupt(count: int) -> None:
    tags = gray_tags(20, 10) | {262: ("H", [3]), 320: ("H", [0] * 3 * count)}
    with pytest.raises(RequestError, match="damaged"):
        decode(tiff(tags, GRAY.tobytes()), limits=LIMITS)


def test_only_the_first_page_counts() -> None:
    second = Image.new("RGB", (61, 47), "red")
    data = save(rgb(), "TIFF", save_all=True, append_images=[second])
    decoded = to_bgr(decode(data[:-100], limits=LIMITS))
    assert np.array_equal(decoded, bgr(rgb()))


@pytest.mark.parametrize("tag", [258, 259, 262, 266, 277, 284, 339])
def test_a_tag_of_another_type_is_corrupt(tag: int) -> None:
    tags: Tags = {266: ("H", [1]), 284: ("H", [1]), 339: ("H", [1])}
    data = tiff(gray_tags(20, 10) | tags, GRAY.tobytes())
    record, broken = struct.pack("<HH", tag, 3), struct.pack("<HH", tag, 999)
    assert error_reason(data) is None
    assert error_reason(data.replace(record, broken)) is Reason.CORRUPT_IMAGE


def test_missing_strips_are_corrupt() -> None:
    tags = gray_tags(20, 10) | {257: ("L", [11]), 278: ("L", [10])}
    assert error_reason(tiff(tags, GRAY.tobytes())) is Reason.CORRUPT_IMAGE


@pytest.mark.parametrize("tag", [256, 257, 273])
def test_an_ifd_without_the_essentials_is_corrupt(tag: int) -> None:
    tags = gray_tags(20, 10)
    del tags[tag]
    assert error_reason(tiff(tags, GRAY.tobytes())) is Reason.CORRUPT_IMAGE


def test_a_strip_far_outside_the_file_is_corrupt() -> None:
    tags = gray_tags(20, 10) | {273: ("Q", [2**64 - 100])}
    assert error_reason(tiff(tags, GRAY.tobytes(), big=True)) is Reason.CORRUPT_IMAGE


@pytest.mark.filterwarnings("ignore:::PIL")
def test_broken_metadata_does_not_fail_an_image() -> None:
    tags = gray_tags(20, 10) | {305: ("B", [0] * 9), 34665: ("L", [4_000_000_000])}
    assert error_reason(tiff(tags, GRAY.tobytes())) is None


def test_damage_is_not_written_to_standard_error(
    capfd: pytest.CaptureFixture[str],
) -> None:
    data = bytearray(save(rgb(), "TIFF", compression="tiff_lzw"))
    data[8:1000] = b"\xa5" * 992
    assert error_reason(bytes(data)) is Reason.CORRUPT_IMAGE
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    "more",
    [
        {50706: ("B", [1, 4, 0, 0])},
        {37398: ("B", [1, 0, 0, 0])},
        {262: ("H", [32803])},
        {262: ("H", [34892])},
        {254: ("L", [1])},
        {254: ("L", [5])},
        {255: ("H", [2])},
    ],
    ids=["DNG", "TIFF/EP", "filters", "linear", "reduced", "mask of it", "old tag"],
)
@pytest.mark.parametrize("order", ["<", ">"])
def test_raw_photos_are_refused_and_their_thumbnail_is_not_decoded(more: Tags, order: str) -> None:
    data = tiff(gray_tags(20, 10) | more, GRAY.tobytes(), order=order)
    with pytest.raises(RequestError, match="raw photo") as error:
        decode(data, limits=LIMITS)
    assert error.value.reason is Reason.UNSUPPORTED_FORMAT


def test_a_raw_photo_of_canon_is_recognised_by_its_signature() -> None:
    tags = gray_tags(20, 10) | {273: ("L", [8])}
    data = tiff(tags, b"CR\2\0\0\0\0\0" + GRAY.tobytes())
    with pytest.raises(RequestError, match="CR2") as error:
        decode(data, limits=LIMITS)
    assert error.value.reason is Reason.UNSUPPORTED_FORMAT


@pytest.mark.parametrize("value", [0, 2, 4])
def test_one_of_many_pages_or_a_mask_is_no_thumbnail(value: int) -> None:
    tags = gray_tags(20, 10) | {254: ("L", [value])}
    assert error_reason(tiff(tags, GRAY.tobytes())) is None
