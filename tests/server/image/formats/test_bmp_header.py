"""BMP files with every header, depth and bit field decode to the numbers they are made of."""

import numpy as np
import pytest
from numpy.typing import NDArray

from facewire_server.errors import Reason, RequestError
from facewire_server.image.decode import decode
from facewire_server.image.target import ResizeMode, Target
from tests.server.image.bmp_writer import BmpLayout, Numbers
from tests.server.image.samples import LIMITS, error_reason, smooth, to_bgr

WIDTH, HEIGHT = 37, 29
HEADERS = [12, 16, 40, 52, 56, 64, 108, 124]
PALETTE = np.random.default_rng(3).integers(0, 256, (256, 3), dtype=np.uint8)
BGR = smooth(WIDTH, HEIGHT)
FIELDS = {
    "555": (16, (0x7C00, 0x3E0, 0x1F)),
    "565": (16, (0xF800, 0x7E0, 0x1F)),
    "444": (16, (0xF00, 0xF0, 0xF)),
    "bgr 565": (16, (0x1F, 0x7E0, 0xF800)),
    "bgrx": (32, (0xFF0000, 0xFF00, 0xFF)),
    "rgbx": (32, (0xFF, 0xFF00, 0xFF0000)),
    "xbgr": (32, (0xFF000000, 0xFF0000, 0xFF00)),
    "ten bits": (32, (0x3FF00000, 0xFFC00, 0x3FF)),
    "mixed": (32, (0xFF00, 0xFF, 0xFF0000)),
    "four of 32": (32, (0xF00, 0xF0, 0xF)),
}


def _numbers(count: int) -> Numbers:
    return np.random.default_rng(count).integers(0, count, (HEIGHT, WIDTH))


def _decoded(data: bytes) -> NDArray[np.int64]:
    return to_bgr(decode(data, limits=LIMITS)).astype(np.int64)


def _packed(masks: tuple[int, ...]) -> tuple[Numbers, NDArray[np.float64]]:
    """BGR in bit fields, and the colours with the remaining precision."""
    numbers = np.zeros((HEIGHT, WIDTH), np.int64)
    left = np.empty(BGR.shape)
    for channel, mask in enumerate(reversed(masks)):
        most = mask // (mask & -mask)
        value = BGR[:, :, channel].astype(np.int64) * most // 255
        numbers |= value * (mask & -mask)
        left[:, :, channel] = value * 255 / most
    return numbers, left


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_palette_indices_are_read_with_every_header(header: int, bits: int) -> None:
    numbers = _numbers(1 << bits)
    layout = BmpLayout(bits, header, palette=PALETTE[: 1 << bits])
    assert np.array_equal(_decoded(layout.file(numbers)), PALETTE[numbers])


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("bits", [24, 32])
def test_colours_are_read_with_every_header(header: int, bits: int) -> None:
    numbers = _packed(FIELDS["bgrx"][1])[0]
    assert np.array_equal(_decoded(BmpLayout(bits, header).file(numbers)), BGR)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("colours", ["black first", "white first", "as numbered"])
@pytest.mark.parametrize("used", [0, 2, 300])
def test_palettes_of_grey_are_palettes(bits: int, colours: str, used: int) -> None:
    greys = {"black first": [0, 255], "white first": [255, 0]}.get(colours, [0, 1])
    palette = np.repeat(np.array(greys, np.uint8)[:, None], 3, 1)
    numbers = _numbers(2)
    grown = np.zeros((used or 1 << bits, 3), np.uint8)
    grown[:2] = palette
    data = BmpLayout(bits, palette=grown, used=used).file(numbers)
    assert np.array_equal(_decoded(data), palette[numbers])


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("header", [40, 52, 56, 108, 124])
@pytest.mark.parametrize("coding", [3, 6])
def test_bit_fields_are_read_in_any_position(name: str, header: int, coding: int) -> None:
    bits, masks = FIELDS[name]
    numbers, left = _packed(masks)
    alpha = (0,) if coding == 6 or header > 52 else ()
    layout = BmpLayout(bits, header, coding, masks + alpha)
    assert np.abs(_decoded(layout.file(numbers)) - left).max() <= 1


def test_masks_beyond_the_pixel_are_ignored() -> None:
    numbers, left = _packed(FIELDS["565"][1])
    masks = tuple(mask | 0x123 << 16 for mask in FIELDS["565"][1])
    data = BmpLayout(16, 40, 3, masks).file(numbers)
    assert np.abs(_decoded(data) - left).max() <= 1


def test_16_bits_without_bit_fields_are_555() -> None:
    numbers, left = _packed(FIELDS["555"][1])
    assert np.abs(_decoded(BmpLayout(16).file(numbers)) - left).max() <= 1


def test_bit_fields_with_gaps_are_refused_by_name() -> None:
    layout = BmpLayout(16, 40, 3, (0xF0F0, 0x0F00, 0x000F))
    with pytest.raises(RequestError, match="bit fields with gaps"):
        decode(layout.file(_numbers(2)), limits=LIMITS)


@pytest.mark.parametrize("top_down", [False, True])
@pytest.mark.parametrize("bits", [1, 4, 8, 24])
def test_the_padding_of_the_last_row_may_be_missing(bits: int, top_down: bool) -> None:
    numbers = _numbers(min(1 << bits, 256))
    palette = PALETTE[: 1 << bits] if bits <= 8 else None
    layout = BmpLayout(bits, palette=palette, top_down=top_down)
    data = layout.file(numbers)
    row = -(-WIDTH * bits // 8)
    cut = data[: len(data) - -row % 4]
    assert len(cut) < len(data)
    assert np.array_equal(_decoded(cut), _decoded(data))
    assert error_reason(cut[:-1]) is Reason.CORRUPT_IMAGE


@pytest.mark.parametrize("bits", [1, 4, 8, 24, 32])
@pytest.mark.parametrize("size", [0, 1, 2**31])
@pytest.mark.parametrize("start", [None, 0, 14])
def test_wrong_sizes_and_starts_do_no_harm(bits: int, size: int, start: int | None) -> None:
    numbers = _numbers(min(1 << bits, 256))
    palette = PALETTE[: 1 << bits] if bits <= 8 else None
    right = BmpLayout(bits, palette=palette).file(numbers)
    wrong = BmpLayout(bits, palette=palette, claimed_size=size, claimed_start=start)
    assert np.array_equal(_decoded(wrong.file(numbers)), _decoded(right))


@pytest.mark.parametrize(
    ("header", "bits", "coding", "words"),
    [
        (40, 0, 4, "a JPEG file"),
        (124, 0, 5, "a PNG file"),
        (64, 24, 4, "OS/2"),
        (64, 1, 3, "OS/2"),
        (40, 64, 0, "64-bit pixels"),
        (40, 24, 11, "24-bit pixels of coding 11"),
        (40, 4, 1, "4-bit pixels of coding 1"),
    ],
)
def test_unsupported_codings_are_named(header: int, bits: int, coding: int, words: str) -> None:
    data = BmpLayout(bits, header, coding).around(bytes(9000), WIDTH, HEIGHT)
    with pytest.raises(RequestError, match=f"{words}.* not supported") as error:
        decode(data, limits=LIMITS)
    assert error.value.reason is Reason.UNSUPPORTED_FORMAT


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16, 24, 32])
@pytest.mark.parametrize("top_down", [False, True])
def test_a_reduced_image_is_the_mean_of_the_whole(bits: int, top_down: bool) -> None:
    numbers = np.random.default_rng(1).integers(0, 1 << bits, (67, 61))
    palette = PALETTE[: 1 << bits] if bits <= 8 else None
    data = BmpLayout(bits, palette=palette, top_down=top_down).file(numbers)
    whole = decode(data, limits=LIMITS)
    target = Target(30, 32, ResizeMode.STANDARD)
    small = decode(data, limits=LIMITS, target=target)
    assert (small.reduction, small.width, small.height) == (2, 61, 67)
    colours = whole.pixels.reshape(67, 61, -1).astype(float)
    grown = np.pad(colours, ((0, 1), (0, 1), (0, 0)), "edge")
    means = grown.reshape(34, 2, 31, 2, -1).mean((1, 3))
    assert np.abs(means - small.pixels.reshape(34, 31, -1)).max() <= 0.51
    assert small.orientation == whole.orientation
