"""Raw pixels: all layouts and strides, used in place, or refused if they do not fit."""

import numpy as np
import pytest
from numpy.typing import NDArray

from facewire_server.errors import Reason, RequestError
from facewire_server.image.limits import ImageLimits
from facewire_server.image.picture import Picture, PixelLayout
from facewire_server.image.raw import RawImage, wrap
from tests.server.image.samples import smooth, to_bgr

WIDTH, HEIGHT = 14, 10
CHANNELS = {
    PixelLayout.BGR: 3,
    PixelLayout.RGB: 3,
    PixelLayout.GRAY: 1,
    PixelLayout.BGRA: 4,
    PixelLayout.RGBA: 4,
}
YUV = [PixelLayout.NV12, PixelLayout.I420]


def _wrap(
    data: bytes,
    layout: PixelLayout,
    row_stride: int = 0,
    width: int = WIDTH,
    height: int = HEIGHT,
    plane_rows: int = 0,
) -> Picture:
    image = RawImage(
        data=data,
        width=width,
        height=height,
        layout=layout,
        row_stride=row_stride,
        plane_rows=plane_rows,
    )
    return wrap(image, ImageLimits(10_000))


def _reason(
    data: bytes,
    layout: PixelLayout,
    row_stride: int = 0,
    width: int = WIDTH,
    height: int = HEIGHT,
) -> Reason:
    with pytest.raises(RequestError) as error:
        _wrap(data, layout, row_stride, width, height)
    return error.value.reason


def _planes(layout: PixelLayout) -> list[NDArray[np.uint8]]:
    """The planes [rows,bytes] of a tightly packed image."""
    if layout in CHANNELS:
        return [smooth(WIDTH, HEIGHT, CHANNELS[layout]).reshape(HEIGHT, -1)]
    luma = smooth(WIDTH, HEIGHT, 1)[:, :, 0]
    chroma = smooth(WIDTH // 2, HEIGHT // 2, 2)
    if layout is PixelLayout.NV12:
        return [luma, chroma.reshape(HEIGHT // 2, WIDTH)]
    return [luma, chroma[:, :, 0], chroma[:, :, 1]]


def _pack(layout: PixelLayout, padding: int = 0) -> bytes:
    """The planes, each row of the first followed by `padding` bytes of 0xEE.

    The rows of planes of half the width have half the padding; the last row of all
    has none.
    """
    data = b""
    for plane in _planes(layout):
        half = layout is PixelLayout.I420 and plane.shape[1] < WIDTH
        last = b"\xee" * (padding // 2 if half else padding)
        data += b"".join(row.tobytes() + last for row in plane)
    return data[: len(data) - len(last)]


def _row(layout: PixelLayout) -> int:
    return WIDTH * CHANNELS.get(layout, 1)


@pytest.mark.parametrize("layout", PixelLayout)
@pytest.mark.parametrize("padding", [2, 18, 1000])
def test_padded_rows_are_the_same_image_as_tight_ones(layout: PixelLayout, padding: int) -> None:
    tight = _wrap(_pack(layout), layout)
    padded = _wrap(_pack(layout, padding), layout, _row(layout) + padding)
    assert (padded.width, padded.height) == (WIDTH, HEIGHT)
    assert np.array_equal(to_bgr(padded), to_bgr(tight))


@pytest.mark.parametrize("layout", PixelLayout)
def test_a_stride_of_a_row_is_the_same_as_none(layout: PixelLayout) -> None:
    data = _pack(layout)
    none = to_bgr(_wrap(data, layout))
    assert np.array_equal(to_bgr(_wrap(data, layout, _row(layout))), none)


@pytest.mark.parametrize("layout", CHANNELS)
@pytest.mark.parametrize("padding", [0, 5])
def test_pixels_are_used_in_place(layout: PixelLayout, padding: int) -> None:
    data = _pack(layout, padding)
    picture = _wrap(data, layout, _row(layout) + padding)
    assert np.shares_memory(picture.pixels, np.frombuffer(data, np.uint8))
    assert picture.layout is layout


@pytest.mark.parametrize("layout", YUV)
def test_chroma_is_bt601_in_limited_range(layout: PixelLayout) -> None:
    luma, u, v = (plane.astype(float) for plane in _planes(PixelLayout.I420))
    u, v = (plane.repeat(2, 0).repeat(2, 1) - 128 for plane in (u, v))
    light = 1.164 * (luma - 16)
    blue, green = light + 2.018 * u, light - 0.391 * u - 0.813 * v
    reference = np.dstack([blue, green, light + 1.596 * v]).clip(0, 255)
    assert np.abs(to_bgr(_wrap(_pack(layout), layout)) - reference).max() <= 2


@pytest.mark.parametrize("layout", PixelLayout)
@pytest.mark.parametrize("padding", [0, 6])
@pytest.mark.parametrize("change", [-1, 1, 5, 7, 99])
def test_bytes_that_do_not_fit_are_refused(layout: PixelLayout, padding: int, change: int) -> None:
    data, stride = _pack(layout, padding), _row(layout) + padding
    assert _wrap(data, layout, stride).width == WIDTH
    changed = data[:change] if change < 0 else data + bytes(change)
    assert _reason(changed, layout, stride) is Reason.BAD_RAW_IMAGE


@pytest.mark.parametrize("layout", PixelLayout)
def test_the_padding_of_the_last_row_may_be_there(layout: PixelLayout) -> None:
    data, stride = _pack(layout, 6), _row(layout) + 6
    exact = to_bgr(_wrap(data, layout, stride))
    padding = bytes(3 if layout is PixelLayout.I420 else 6)
    assert np.array_equal(to_bgr(_wrap(data + padding, layout, stride)), exact)


def _padded_planes(layout: PixelLayout, padding: int, rows: int, end: str) -> bytes:
    """The planes in `rows` rows each, chroma in half as many.

    They end with the last sample ("sample"), its row ("row") or its plane ("plane").
    """
    data = b""
    for plane in _planes(layout):
        height, row = plane.shape
        stride = row + (padding if row == WIDTH else padding // 2)
        grown = np.full((height * rows // HEIGHT, stride), 0xEE, np.uint8)
        grown[:height, :row] = plane
        ends = {"sample": stride * (height - 1) + row, "row": stride * height}
        last = len(data) + ends.get(end, grown.size)
        data += grown.tobytes()
    return data[:last]


@pytest.mark.parametrize("layout", YUV)
@pytest.mark.parametrize("padding", [0, 18])
@pytest.mark.parametrize("rows", [HEIGHT + 2, HEIGHT + 6, 64])
@pytest.mark.parametrize("end", ["sample", "row", "plane"])
def test_rows_between_planes_are_left_out(
    layout: PixelLayout, padding: int, rows: int, end: str
) -> None:
    data = _padded_planes(layout, padding, rows, end)
    padded = _wrap(data, layout, WIDTH + padding, plane_rows=rows)
    assert np.array_equal(to_bgr(padded), to_bgr(_wrap(_pack(layout), layout)))
    with pytest.raises(RequestError) as error:
        _wrap(data, layout, WIDTH + padding)
    assert error.value.reason is Reason.BAD_RAW_IMAGE


@pytest.mark.parametrize("layout", YUV)
def test_plane_rows_of_the_height_are_the_same_as_none(layout: PixelLayout) -> None:
    data = _pack(layout, 6)
    none = to_bgr(_wrap(data, layout, WIDTH + 6))
    same = to_bgr(_wrap(data, layout, WIDTH + 6, plane_rows=HEIGHT))
    assert np.array_equal(same, none)


@pytest.mark.parametrize("layout", PixelLayout)
@pytest.mark.parametrize("rows", [HEIGHT - 2, HEIGHT + 1, 2**32 - 2, 2**32 - 1])
def test_plane_rows_that_do_not_fit_are_refused(layout: PixelLayout, rows: int) -> None:
    with pytest.raises(RequestError) as error:
        _wrap(_pack(layout), layout, plane_rows=rows)
    assert error.value.reason is Reason.BAD_RAW_IMAGE


@pytest.mark.parametrize("layout", CHANNELS)
def test_plane_rows_of_a_layout_without_planes_are_refused(layout: PixelLayout) -> None:
    with pytest.raises(RequestError, match="no planes"):
        _wrap(_pack(layout), layout, plane_rows=HEIGHT)


@pytest.mark.parametrize("layout", PixelLayout)
def test_a_stride_shorter_than_a_row_is_refused(layout: PixelLayout) -> None:
    short = _row(layout) - 2
    assert _reason(_pack(layout), layout, short) is Reason.BAD_RAW_IMAGE


@pytest.mark.parametrize("layout", PixelLayout)
@pytest.mark.parametrize("size", [(0, 4), (4, 0), (0, 0), (-4, 4), (4, -4), (-4, -4)])
def test_a_side_under_one_is_refused(layout: PixelLayout, size: tuple[int, int]) -> None:
    assert _reason(bytes(99), layout, 0, *size) is Reason.BAD_RAW_IMAGE


@pytest.mark.parametrize("layout", YUV)
@pytest.mark.parametrize("size", [(5, 4), (4, 5), (1, 1)])
def test_odd_sides_of_subsampled_chroma_are_refused(
    layout: PixelLayout, size: tuple[int, int]
) -> None:
    assert _reason(bytes(99), layout, 0, *size) is Reason.BAD_RAW_IMAGE


def test_an_odd_stride_is_refused_where_chroma_has_half_of_it() -> None:
    data = bytes(15 * HEIGHT * 3 // 2)
    assert _reason(data, PixelLayout.I420, 15) is Reason.BAD_RAW_IMAGE
    assert _wrap(data, PixelLayout.NV12, 15).width == WIDTH


@pytest.mark.parametrize("layout", PixelLayout)
def test_no_bytes_are_an_empty_image(layout: PixelLayout) -> None:
    assert _reason(b"", layout) is Reason.EMPTY_IMAGE


@pytest.mark.parametrize("layout", PixelLayout)
@pytest.mark.parametrize("size", [(200, 51), (2**32 - 1, 2**32 - 1), (2**62, 2**62)])
def test_too_many_pixels_are_refused(layout: PixelLayout, size: tuple[int, int]) -> None:
    assert _reason(bytes(99), layout, 0, *size) is Reason.IMAGE_TOO_LARGE


@pytest.mark.parametrize("layout", PixelLayout)
@pytest.mark.parametrize("stride", [2**31, 2**32 - 2, 2**64, -16])
def test_a_stride_beyond_all_data_is_refused(layout: PixelLayout, stride: int) -> None:
    assert _reason(_pack(layout), layout, stride) is Reason.BAD_RAW_IMAGE


@pytest.mark.parametrize("stride", [0, 3, 2**32 - 1, 2**70])
def test_the_stride_of_a_single_row_does_not_matter(stride: int) -> None:
    picture = _wrap(b"\1\2\3", PixelLayout.BGR, stride, 1, 1)
    assert to_bgr(picture).tolist() == [[[1, 2, 3]]]
