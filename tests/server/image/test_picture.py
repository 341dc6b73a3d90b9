"""Pictures: their upright size."""

import numpy as np
import pytest

from facewire_server.image.picture import Picture, PixelLayout
from tests.server.image.samples import smooth, to_bgr

BGR = smooth(9, 5)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_size_is_of_the_upright_image(orientation: int) -> None:
    picture = Picture(BGR, PixelLayout.BGR, orientation)
    size = (picture.width, picture.height)
    assert size == ((9, 5) if orientation < 5 else (5, 9))
    reduced = Picture(BGR, PixelLayout.BGR, orientation, 8, (70, 37))
    size = (reduced.width, reduced.height)
    assert size == ((70, 37) if orientation < 5 else (37, 70))


@pytest.mark.parametrize("layout", [PixelLayout.BGR, PixelLayout.GRAY, PixelLayout.NV12])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_part_is_that_of_the_upright_image(orientation: int, layout: PixelLayout) -> None:
    whole = _strided(layout, orientation)
    left, top, width, height = 6, 4, 10, 14
    part = whole.crop(left, top, width, height)
    assert (part.width, part.height) == (width, height)
    assert np.shares_memory(part.pixels, whole.pixels)
    expected = to_bgr(whole)[top : top + height, left : left + width]
    np.testing.assert_array_equal(to_bgr(part), expected)


def test_all_of_a_picture_is_a_part_of_it() -> None:
    picture = Picture(BGR, PixelLayout.BGR, 6, full_size=(9, 5))
    np.testing.assert_array_equal(to_bgr(picture.crop(0, 0, 5, 9)), to_bgr(picture))


@pytest.mark.parametrize(
    "part", [(-1, 0, 2, 2), (0, -1, 2, 2), (0, 0, 0, 2), (0, 0, 2, 0), (8, 0, 2, 2), (0, 4, 2, 2)]
)
def test_a_part_that_is_not_inside_is_refused(part: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="is not inside"):
        Picture(BGR, PixelLayout.BGR).crop(*part)


@pytest.mark.parametrize("part", [(1, 0, 2, 2), (0, 1, 2, 2), (0, 0, 3, 2), (0, 0, 2, 3)])
def test_a_part_that_divides_chroma_samples_is_refused(part: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="divides chroma samples"):
        _strided(PixelLayout.NV12, 1).crop(*part)


def test_a_reduced_picture_has_no_parts() -> None:
    with pytest.raises(ValueError, match="reduced"):
        Picture(BGR, PixelLayout.BGR, 1, 8, (70, 37)).crop(0, 0, 8, 8)


def _strided(layout: PixelLayout, orientation: int) -> Picture:
    """A picture of 30 x 24 stored pixels, with padding behind its rows."""
    channels = 3 if layout is PixelLayout.BGR else 1
    rows = 36 if layout is PixelLayout.NV12 else 24
    stored = np.squeeze(smooth(36, rows, channels))[:, :30]
    if layout is not PixelLayout.NV12:
        return Picture(stored, layout, orientation)
    chroma = (stored[24:, 0::2], stored[24:, 1::2])
    return Picture(stored[:24], layout, orientation, chroma=chroma)
