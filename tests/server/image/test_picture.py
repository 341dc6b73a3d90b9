"""Pictures: their upright size."""

import pytest

from facewire_server.image.picture import Picture, PixelLayout
from tests.server.image.samples import smooth

BGR = smooth(9, 5)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_size_is_of_the_upright_image(orientation: int) -> None:
    picture = Picture(BGR, PixelLayout.BGR, orientation)
    size = (picture.width, picture.height)
    assert size == ((9, 5) if orientation < 5 else (5, 9))
    reduced = Picture(BGR, PixelLayout.BGR, orientation, 8, (70, 37))
    size = (reduced.width, reduced.height)
    assert size == ((70, 37) if orientation < 5 else (37, 70))
