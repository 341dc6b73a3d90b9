"""Hostile files are refused before they cost much, or decoded at a normal cost."""

import tracemalloc

import numpy as np
import pytest
from PIL import Image

from facewire_server.errors import Reason, RequestError
from facewire_server.image.decode import decode
from facewire_server.image.formats.tiff_costs import MAX_VALUES
from facewire_server.image.limits import MAX_SCANS, ImageLimits
from facewire_server.image.target import ResizeMode, Target
from tests.server.image import attacks
from tests.server.image.samples import LIMITS, error_reason, png_chunk, rgb, save, to_bgr

LARGE = ImageLimits(64_000_000)
SIDE = 8000
"""Of images of 64 megapixels, which the limit allows."""

TARGET = Target(320, 320, ResizeMode.FIT_TO_WINDOW)


def peak_memory(data: bytes, limits: ImageLimits = LARGE) -> int:
    """The peak memory, in bytes, of Python and NumPy during decoding."""
    tracemalloc.start()
    try:
        error_reason(data, limits, TARGET)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "data",
    [
        attacks.png(1, width=70_000),
        attacks.page(1, "packbits", width=70_000),
        save(Image.new("L", (1, 70_000)), "BMP"),
    ],
    ids=["png", "tiff", "bmp"],
)
def test_a_side_that_is_too_long_is_refused_with_few_pixels_too(data: bytes) -> None:
    assert error_reason(data, LIMITS) is Reason.IMAGE_TOO_LARGE
    assert error_reason(data, ImageLimits(LIMITS.pixels, side=70_000)) is None


def test_the_longest_jpeg_decodes_and_a_lower_limit_refuses_it() -> None:
    data = save(Image.new("L", (65_500, 3)), "JPEG")
    assert error_reason(data) is None
    assert error_reason(data, ImageLimits(LIMITS.pixels, side=65_499)) is Reason.IMAGE_TOO_LARGE


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_scans_are_counted_before_a_pixel_is_decoded(mode: str) -> None:
    data = save(rgb().convert(mode), "JPEG", progressive=True)
    scans = data.count(b"\xff\xda")
    assert error_reason(data, ImageLimits(LIMITS.pixels, scans=scans)) is None
    with pytest.raises(RequestError, match=f"more than {scans - 1} scans") as error:
        decode(data, limits=ImageLimits(LIMITS.pixels, scans=scans - 1))
    assert error.value.reason is Reason.CORRUPT_IMAGE


@pytest.mark.parametrize("make", [attacks.progressive, attacks.baseline_scans])
def test_thousands_of_scans_are_refused(make: attacks.Scans) -> None:
    with pytest.raises(RequestError, match=f"more than {MAX_SCANS} scans"):
        decode(make(64, 5000), limits=LIMITS)


def test_the_most_scans_allowed_decode_where_components_have_their_own() -> None:
    assert error_reason(attacks.baseline_scans(64, MAX_SCANS)) is None
    assert error_reason(attacks.baseline_scans(64, MAX_SCANS + 1)) is Reason.CORRUPT_IMAGE


def test_scans_behind_an_eoi_in_a_comment_are_counted() -> None:
    data = attacks.progressive(64, 5000)
    first = data.index(b"\xff\xda", data.index(b"\xff\xda") + 2)
    hidden = data[:first] + b"\xff\xfe\0\4\xff\xd9" + data[first:]
    with pytest.raises(RequestError, match="scans"):
        decode(hidden, limits=LIMITS)


def test_data_that_only_looks_like_scans_does_not_count() -> None:
    data = save(rgb(), "JPEG", progressive=True, comment=b"\xff\xda" * 1000)
    assert error_reason(data + b"\xff\xda\0\2" * 1000) is None


@pytest.mark.parametrize("coding", [b"\xff\xc0", b"\xff\xc2"])
def test_a_jpeg_with_less_than_a_bit_a_block_is_corrupt(coding: bytes) -> None:
    data = save(Image.new("L", (64, 64)), "JPEG", progressive=coding == b"\xff\xc2")
    place = data.index(coding) + 5
    claim = data[:place] + SIDE.to_bytes(2, "big") * 2 + data[place + 4 :]
    assert error_reason(claim, LARGE) is Reason.CORRUPT_IMAGE
    assert peak_memory(claim) < 1_000_000


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_a_white_page_is_not_taken_for_a_bomb(kind: str) -> None:
    options = {"compression": "tiff_lzw"} if kind == "TIFF" else {}
    for mode in ("1", "L", "RGB"):
        if kind == "JPEG" and mode == "1":
            continue
        data = save(Image.new(mode, (900, 900), "white"), kind, **options)
        picture = decode(data, limits=LIMITS)
        assert (picture.pixels == 255).all()


def test_a_png_with_an_impossible_compression_ratio_is_corrupt() -> None:
    data = attacks.png(64)
    claim = data[:16] + SIDE.to_bytes(4, "big") * 2 + data[24:]
    assert error_reason(claim, LARGE) is Reason.CORRUPT_IMAGE
    assert peak_memory(claim) < 1_000_000


@pytest.mark.parametrize(
    "extra",
    [attacks.text_bombs(100, 1 << 20), attacks.profile_bomb(1 << 26)],
    ids=["texts", "profile"],
)
def test_texts_and_profiles_of_a_png_are_not_inflated(extra: bytes) -> None:
    data = attacks.png(64, extra=extra)
    assert error_reason(data) is None
    assert peak_memory(data) < 1_000_000


def test_unknown_chunks_and_animation_of_a_png_do_not_matter() -> None:
    other = Image.new("RGB", (61, 47), "red")
    data = save(rgb(), "PNG", save_all=True, append_images=[other] * 20)
    start = data.index(b"IDAT") - 4
    data = data[:start] + png_chunk(b"abCd", b"x" * 100) * 50 + data[start:]
    decoded = to_bgr(decode(data, limits=LIMITS))
    assert np.array_equal(decoded, np.asarray(rgb())[:, :, ::-1])


def test_runs_that_end_before_the_first_pixel_are_corrupt() -> None:
    data = attacks.runs(SIDE)
    assert error_reason(data, LARGE) is Reason.CORRUPT_IMAGE
    assert peak_memory(data) < 1_000_000


def test_a_long_animation_costs_only_its_first_image() -> None:
    data = attacks.webp_animation(100, 5000)
    picture = decode(data, limits=LIMITS)
    assert (picture.width, picture.height) == (100, 100)


def test_an_image_larger_than_its_canvas_is_corrupt() -> None:
    data = attacks.webp(600, 600, lossless=True)
    header = b"WEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\x0f\0\0" * 2
    small = b"RIFF" + (len(header) + len(data) - 12).to_bytes(4, "little")
    assert error_reason(small + header + data[12:]) is Reason.CORRUPT_IMAGE


@pytest.mark.parametrize("coding", [1, 5, 8, 32773, 32946])
def test_a_tiff_with_an_impossible_compression_ratio_is_corrupt(coding: int) -> None:
    data = attacks.claimed(SIDE, coding, 1000)
    assert error_reason(data, LARGE) is Reason.CORRUPT_IMAGE
    assert peak_memory(data) < 1_000_000


@pytest.mark.parametrize("side", [64, 500])
def test_scans_of_the_jpegs_in_a_tiff_are_counted(side: int) -> None:
    assert error_reason(attacks.jpeg_page(side, MAX_SCANS)) is None
    with pytest.raises(RequestError, match=f"more than {MAX_SCANS} scans"):
        decode(attacks.jpeg_page(side, MAX_SCANS + 1), limits=LIMITS)


def test_jpegs_in_a_tiff_that_overlap_are_corrupt() -> None:
    data = attacks.overlapping_jpegs(1000)
    assert error_reason(data) is Reason.CORRUPT_IMAGE


def test_strips_that_share_their_data_decode_at_a_normal_cost() -> None:
    once = decode(attacks.repeated_strips(1), limits=LIMITS)
    often = attacks.repeated_strips(10_000)
    assert np.array_equal(decode(often, limits=LIMITS).pixels, once.pixels)
    assert peak_memory(often) < 2_000_000


def test_tiles_that_lie_far_outside_of_their_image_are_refused() -> None:
    assert error_reason(attacks.tall_tiles(1)) is None
    with pytest.raises(RequestError, match="tiles far larger than the image"):
        decode(attacks.tall_tiles(1000), limits=LIMITS)


def test_a_strip_that_takes_far_more_memory_than_its_image_is_refused() -> None:
    data = attacks.page(1000, "zstd").replace(b"\x08\0\x08\0\x08\0", b"\xff\xff" * 3)
    with pytest.raises(RequestError, match="strips of more than") as error:
        decode(data, limits=LARGE)
    assert error.value.reason is Reason.CORRUPT_IMAGE


def test_an_ifd_that_links_to_itself_is_read_once() -> None:
    assert error_reason(attacks.looping_ifds()) is None


@pytest.mark.parametrize("tag", [258, 282, 320, 338])
def test_a_tag_of_millions_of_numbers_is_refused(tag: int) -> None:
    data = attacks.many_values(tag, MAX_VALUES + 1)
    with pytest.raises(RequestError, match=f"values of tag {tag}"):
        decode(data, limits=LIMITS)


def test_exif_data_in_a_tiff_is_not_read() -> None:
    data = attacks.camera_bomb(1 << 20)
    assert error_reason(data) is None
    assert peak_memory(data) < 4_000_000


@pytest.mark.parametrize("size", [0, 1, 6, 65_533])
def test_exif_data_of_any_size_in_a_jpeg_is_read_or_ignored(size: int) -> None:
    data = save(rgb(), "JPEG")
    segment = b"\xff\xe1" + (size + 2).to_bytes(2, "big") + b"Exif\0\0".ljust(size)
    assert error_reason(data[:2] + segment[: size + 4] + data[2:]) is None


def test_a_jpeg_with_hundreds_of_full_segments_decodes() -> None:
    data = save(rgb(), "JPEG")
    segment = b"\xff\xe1\xff\xff" + b"Exif\0\0MM\0*" + bytes(65_523)
    assert error_reason(data[:2] + segment * 200 + data[2:]) is None


@pytest.mark.parametrize("marker", [0xC9, 0xCA])
def test_arithmetic_coding_decodes_or_is_corrupt(marker: int) -> None:
    data = save(rgb(), "JPEG").replace(b"\xff\xc0", bytes([0xFF, marker]))
    assert error_reason(data) in (None, Reason.CORRUPT_IMAGE)
