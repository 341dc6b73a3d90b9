"""Pillow as a decoder: images of any shape, no limits, logs or warnings of its own."""

import logging

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile

from facewire_server.errors import Reason, RequestError
from facewire_server.image.formats.pillow import decode_pillow
from facewire_server.image.limits import ImageLimits
from facewire_server.image.target import ResizeMode, Target
from tests.server.image.samples import LIMITS, bgr, rgb, save, to_bgr


@pytest.mark.parametrize("size", [(1, 1), (600, 500), (70_000, 9), (3, 100_000), (140_000, 1)])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_all_tiles_of_an_image_are_in_their_position(size: tuple[int, int], mode: str) -> None:
    image = rgb(*size).convert(mode)
    data = save(image, "PNG", compress_level=0)
    limits = ImageLimits(LIMITS.pixels, side=140_000)
    decoded = to_bgr(decode_pillow(PngImageFile, data, "PNG", limits))
    assert np.array_equal(decoded, bgr(image))


def test_pillow_has_no_limit_of_its_own() -> None:
    assert Image.MAX_IMAGE_PIXELS is None
    data = save(rgb(), "PNG")
    with pytest.raises(RequestError) as error:
        decode_pillow(PngImageFile, data, "PNG", ImageLimits(100))
    assert error.value.reason is Reason.IMAGE_TOO_LARGE


def test_another_format_is_corrupt() -> None:
    with pytest.raises(RequestError, match="the TIFF data is damaged") as error:
        decode_pillow(TiffImageFile, save(rgb(), "PNG"), "TIFF", LIMITS)
    assert error.value.reason is Reason.CORRUPT_IMAGE


def test_pillow_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    decode_pillow(PngImageFile, save(rgb(), "PNG"), "PNG", LIMITS)
    assert caplog.records == []


@pytest.mark.parametrize("size", [(64, 64), (67, 61), (70_001, 9), (3, 65)])
@pytest.mark.parametrize("mode", ["RGB", "L", "P", "I;16"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_reduced_image_is_the_mean_of_the_whole(
    size: tuple[int, int], mode: str, orientation: int
) -> None:
    image = rgb(*size).convert("L" if mode == "I;16" else mode)
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image).astype(np.uint16) << 8)
    data = save(image, "PNG", compress_level=0)
    limits = ImageLimits(10**6, side=10**5)
    whole = decode_pillow(PngImageFile, data, "PNG", limits, None, orientation)
    target = Target(8, 2, ResizeMode.STANDARD)
    small = decode_pillow(PngImageFile, data, "PNG", limits, target, orientation)
    by = small.reduction
    assert by == target.reduction(whole.width, whole.height)
    assert (small.width, small.height) == (whole.width, whole.height)
    rows, columns = (-(-side // by) for side in whole.pixels.shape[:2])
    edges = [(0, rows * by - size[1]), (0, columns * by - size[0])]
    colours = whole.pixels.reshape(size[1], size[0], -1).astype(float)
    padded = np.pad(colours, (*edges, (0, 0)), "edge")
    means = padded.reshape(rows, by, columns, by, -1).mean((1, 3))
    reduced = small.pixels.reshape(rows, columns, -1)
    assert np.abs(means - reduced).max() <= 0.51


def test_an_image_that_is_small_enough_is_not_reduced() -> None:
    data = save(rgb(), "PNG")
    target = Target(61, 47, ResizeMode.FIT_TO_WINDOW)
    picture = decode_pillow(PngImageFile, data, "PNG", LIMITS, target)
    assert picture.reduction == 1
    assert np.array_equal(to_bgr(picture), bgr(rgb()))
