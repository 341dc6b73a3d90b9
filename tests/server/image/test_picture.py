"""Pictures: their upright size and their pixels as BGR."""

import numpy as np
import pytest

from facewire_server.image.picture import Picture, PixelLayout, as_bgr
from tests.server.image.samples import smooth, to_bgr

BGR = smooth(9, 5)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_size_is_of_the_upright_image(orientation: int) -> None:
    picture = Picture(BGR, PixelLayout.BGR, orientation)
    size = (picture.width, picture.height)
    assert size == ((9, 5) if orientation < 5 else (5, 9))
    assert to_bgr(picture).shape == (picture.height, picture.width, 3)


def test_bgr_pixels_are_not_copied() -> None:
    assert as_bgr(BGR, PixelLayout.BGR) is BGR


@pytest.mark.parametrize(
    ("layout", "channels"),
    [
        (PixelLayout.BGR, [0, 1, 2]),
        (PixelLayout.RGB, [2, 1, 0]),
        (PixelLayout.BGRA, [0, 1, 2, 1]),
        (PixelLayout.RGBA, [2, 1, 0, 1]),
    ],
)
def test_channels_are_put_into_order(layout: PixelLayout, channels: list[int]) -> None:
    picture = Picture(BGR[:, :, channels], layout)
    assert np.array_equal(to_bgr(picture), BGR)


def test_grey_has_three_equal_channels() -> None:
    gray = BGR[:, :, 0]
    decoded = to_bgr(Picture(gray, PixelLayout.GRAY))
    assert np.array_equal(decoded, np.dstack([gray] * 3))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_strided_rows_make_the_same_upright_image(orientation: int) -> None:
    wide = smooth(20, 5)
    strided = Picture(wide[:, 3:12], PixelLayout.BGR, orientation)
    packed = Picture(wide[:, 3:12].copy(), PixelLayout.BGR, orientation)
    assert np.array_equal(to_bgr(strided), to_bgr(packed))
