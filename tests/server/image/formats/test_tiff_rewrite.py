"""A directory that is written again: the same pixels, and nothing else."""

import numpy as np
import pytest
from PIL import Image

from facewire_server.image.decode import decode
from facewire_server.image.formats.tiff_ifd import Ifd
from facewire_server.image.formats.tiff_rewrite import rewrite
from tests.server.image.samples import LIMITS, files, save, smooth
from tests.server.image.tiff_writer import gray_tags, tiff

GRAY = smooth(20, 10, 1)[:, :, 0]


@pytest.mark.parametrize("name", [name for name in files() if "tiff" in name])
def test_a_file_that_is_written_again_has_the_same_pixels(name: str) -> None:
    data = files()[name]
    again = rewrite(Ifd.read(data), {})
    assert again != data
    pixels = decode(data, limits=LIMITS).pixels
    assert np.array_equal(decode(again, limits=LIMITS).pixels, pixels)


@pytest.mark.parametrize(("order", "big"), [("<", True), (">", True), (">", False)])
def test_what_is_written_is_a_small_file_in_the_same_order(order: str, big: bool) -> None:
    data = tiff(gray_tags(20, 10), GRAY.tobytes(), order=order, big=big)
    again = Ifd.read(rewrite(Ifd.read(data), {278: [5]}))
    assert (again.order, again.offset_size) == (order, 4)
    assert again.integer(278) == 5
    assert again.integer(256) == 20


def test_what_makes_no_pixels_is_left_out() -> None:
    data = tiff(gray_tags(20, 10) | {700: ("B", [0] * 100)}, GRAY.tobytes())
    assert 700 not in Ifd.read(rewrite(Ifd.read(data), {})).entries


def test_values_that_do_not_fit_into_a_small_file_are_refused() -> None:
    tags = gray_tags(20, 10) | {513: ("Q", [2**40])}
    data = tiff(tags, GRAY.tobytes(), big=True)
    with pytest.raises(ValueError, match="513"):
        rewrite(Ifd.read(data), {})


def test_values_that_are_not_in_the_file_are_refused() -> None:
    data = save(Image.new("P", (20, 10)), "TIFF")
    with pytest.raises(ValueError, match="not in the data|not all"):
        rewrite(Ifd.read(data[:-400]), {})
