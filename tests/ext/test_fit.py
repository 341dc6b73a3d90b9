"""Fitting: the bits of OpenCV's bilinear resize, upright, in planes, and padded."""

from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facewire_ext import fit, fit_yuv, simd_level, simd_levels, use_simd_level
from tests.ext import reference_fit
from tests.ext.reference_fit import Bytes

SIZES = [
    ((500, 375), (416, 416)),
    ((640, 480), (640, 480)),
    ((640, 480), (320, 240)),
    ((1920, 1080), (416, 234)),
    ((100, 50), (64, 416)),
    ((1, 1), (32, 33)),
    ((2, 3), (31, 17)),
    ((3, 1), (5, 9)),
    ((1, 7), (16, 16)),
    ((33, 77), (1, 1)),
]
CHANNELS = [1, 3, 4]
ORIENTATIONS = range(1, 9)


@pytest.fixture(params=simd_levels())
def level(request: pytest.FixtureRequest) -> Iterator[str]:
    before = simd_level()
    use_simd_level(request.param)
    yield request.param
    use_simd_level(before)


def noise(*shape: int) -> Bytes:
    return np.random.default_rng(shape).integers(0, 256, shape, np.uint8)


def planes(pixels: Bytes) -> Bytes:
    """[H, W, C] as three planes: grey three times, without a fourth channel."""
    return np.broadcast_to(pixels[:, :, :3], (*pixels.shape[:2], 3)).transpose(2, 0, 1)


def expected(pixels: Bytes, width: int, height: int, orientation: int = 1) -> Bytes:
    sides = (height, width) if orientation >= 5 else (width, height)
    small = reference_fit.resize(pixels, *sides)
    return planes(reference_fit.upright(small, orientation))


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize(("source", "target"), SIZES)
def test_every_level_has_the_bits_of_the_plain_reading_and_of_opencv(
    level: str, source: tuple[int, int], target: tuple[int, int], channels: int
) -> None:
    pixels = noise(source[1], source[0], channels)
    out = np.empty((3, target[1], target[0]), np.uint8)
    fit(pixels, out)
    assert np.array_equal(out, expected(pixels, *target))
    opencv = np.asarray(cv2.resize(pixels, target), np.uint8)
    opencv = opencv.reshape(target[1], target[0], channels)
    assert np.array_equal(out, planes(opencv))


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("channels", CHANNELS)
def test_pixels_come_out_upright(level: str, channels: int, orientation: int) -> None:
    for source, target in (((50, 37), (41, 70)), ((9, 200), (64, 16)), ((1, 3), (17, 33))):
        pixels = noise(source[1], source[0], channels)
        out = np.empty((3, target[1], target[0]), np.uint8)
        fit(pixels, out, orientation=orientation)
        assert np.array_equal(out, expected(pixels, *target, orientation))


@settings(deadline=None)
@given(
    st.tuples(st.integers(1, 80), st.integers(1, 80)),
    st.tuples(st.integers(1, 80), st.integers(1, 80)),
    st.sampled_from(CHANNELS),
    st.sampled_from(ORIENTATIONS),
    st.tuples(*[st.integers(0, 5)] * 4),
    st.integers(0, 255),
)
def test_any_part_of_the_input_is_covered_and_the_rest_is_padded(
    source: tuple[int, int],
    target: tuple[int, int],
    channels: int,
    orientation: int,
    margins: tuple[int, int, int, int],
    pad_value: int,
) -> None:
    left, top, right, bottom = margins
    width, height = target
    pixels = noise(source[1], source[0], channels)
    out = np.empty((3, top + height + bottom, left + width + right), np.uint8)
    place = (left, top, width, height)
    fit(pixels, out, place=place, orientation=orientation, pad_value=pad_value)
    whole = np.full_like(out, pad_value)
    whole[:, top : top + height, left : left + width] = expected(pixels, width, height, orientation)
    assert np.array_equal(out, whole)


def test_the_first_channel_may_be_red(level: str) -> None:
    pixels = noise(30, 40, 3)
    bgr, rgb = np.empty((2, 3, 24, 24), np.uint8)
    fit(pixels, bgr)
    fit(pixels, rgb, rgb=True)
    assert np.array_equal(rgb, bgr[::-1])


@pytest.mark.parametrize("channels", CHANNELS)
def test_rows_may_be_any_number_of_bytes_apart(level: str, channels: int) -> None:
    wide = noise(40, 100, channels)
    for part in (wide[:, 20:70], wide[5:30:2, 3:99], wide[::-1, :50]):
        strided, packed = np.empty((2, 3, 32, 33), np.uint8)
        fit(part, strided)
        fit(np.ascontiguousarray(part), packed)
        assert np.array_equal(strided, packed)


def test_a_single_column_may_have_any_stride() -> None:
    column = noise(9, 5, 3)[:, 2:3]
    out, packed = np.empty((2, 3, 8, 8), np.uint8)
    fit(column, out)
    fit(column.copy(), packed)
    assert np.array_equal(out, packed)


def test_read_only_pixels_are_taken() -> None:
    pixels = np.frombuffer(noise(8, 8, 3).tobytes(), np.uint8).reshape(8, 8, 3)
    out = np.empty((3, 8, 8), np.uint8)
    fit(pixels, out)
    assert np.array_equal(out, planes(pixels))


@pytest.mark.parametrize("interleaved", [True, False])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_video_has_the_bits_of_its_conversion_to_bgr(
    level: str, orientation: int, interleaved: bool
) -> None:
    for width, height in ((64, 48), (130, 34), (2, 2)):
        luma = noise(height, width)
        chroma = noise(height // 2, width // 2, 2)
        both = chroma if interleaved else chroma.transpose(2, 0, 1).copy().transpose(1, 2, 0)
        u, v = both[:, :, 0], both[:, :, 1]
        out = np.empty((3, 29, 44), np.uint8)
        place = (1, 2, 40, 25)
        fit_yuv(luma, u, v, out, place=place, orientation=orientation, pad_value=9)
        whole = np.empty_like(out)
        pixels = reference_fit.bgr(luma, u, v)
        fit(pixels, whole, place=place, orientation=orientation, pad_value=9)
        assert np.array_equal(out, whole)
        video = np.vstack([luma, chroma.reshape(height // 2, width)])
        assert np.array_equal(pixels, cv2.cvtColor(video, cv2.COLOR_YUV2BGR_NV12))


@pytest.mark.parametrize("kept", [(0, 0, 64, 48), (1, 3, 9, 5), (63, 47, 1, 1), (2, 0, 5, 48)])
def test_a_part_of_a_frame_may_be_drawn(level: str, kept: tuple[int, int, int, int]) -> None:
    luma, chroma = noise(48, 64), noise(24, 32, 2)
    u, v = chroma[:, :, 0], chroma[:, :, 1]
    out, whole = np.empty((2, 3, 17, 30), np.uint8)
    fit_yuv(luma, u, v, out, kept=kept)
    x, y, width, height = kept
    part = reference_fit.bgr(luma, u, v)[y : y + height, x : x + width]
    fit(part, whole)
    assert np.array_equal(out, whole)


@pytest.mark.parametrize("kept", [(0, 0, 9, 8), (-1, 0, 8, 8), (1, 0, 8, 8), (0, 0, 0, 8)])
def test_a_part_outside_of_the_frame_is_refused(kept: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="kept must"):
        fit_yuv(noise(8, 8), noise(4, 4), noise(4, 4), OUT, kept=kept)


OUT = np.empty((3, 8, 8), np.uint8)
PIXELS = noise(8, 8, 3)


@pytest.mark.parametrize(
    ("pixels", "out", "options", "words"),
    [
        (PIXELS[:0], OUT, {}, "pixels must be"),
        (PIXELS[:, :, :2], OUT, {}, "pixels must be"),
        (PIXELS[:, ::2], OUT, {}, "side by side"),
        (PIXELS[:, :, ::-1], OUT, {}, "side by side"),
        (PIXELS, np.empty((4, 8, 8), np.uint8), {}, "out must be"),
        (PIXELS, np.empty((3, 0, 8), np.uint8), {}, "out must be"),
        (PIXELS, OUT, {"place": (0, 0, 9, 8)}, "within out"),
        (PIXELS, OUT, {"place": (1, 0, 8, 8)}, "within out"),
        (PIXELS, OUT, {"place": (-1, 0, 8, 8)}, "within out"),
        (PIXELS, OUT, {"place": (0, 0, 0, 8)}, "at least one pixel"),
        (PIXELS, OUT, {"orientation": 0}, "orientation must be"),
        (PIXELS, OUT, {"orientation": 9}, "orientation must be"),
        (PIXELS, OUT, {"pad_value": 256}, "pad_value must be"),
        (PIXELS, OUT, {"pad_value": -1}, "pad_value must be"),
    ],
)
def test_what_does_not_fit_is_refused(
    pixels: Bytes, out: Bytes, options: dict[str, object], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        fit(pixels, out, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("luma", "u", "v"),
    [
        ((8, 7), (4, 3), (4, 3)),
        ((7, 8), (3, 4), (3, 4)),
        ((0, 0), (0, 0), (0, 0)),
        ((8, 8), (4, 3), (4, 4)),
        ((8, 8), (4, 4), (3, 4)),
    ],
)
def test_planes_of_video_that_do_not_belong_together_are_refused(
    luma: tuple[int, int], u: tuple[int, int], v: tuple[int, int]
) -> None:
    with pytest.raises(ValueError, match="luma"):
        fit_yuv(noise(*luma), noise(*u), noise(*v), OUT)


def test_planes_of_video_need_the_same_strides() -> None:
    chroma = noise(4, 4, 2)
    with pytest.raises(ValueError, match="strides"):
        fit_yuv(noise(8, 8), chroma[:, :, 0], noise(4, 4), OUT)
    wide = noise(4, 4, 3)
    with pytest.raises(ValueError, match="apart"):
        fit_yuv(noise(8, 8), wide[:, :, 0], wide[:, :, 1], OUT)
