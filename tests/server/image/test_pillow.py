"""Pillow's images as pixels: any shape, and what Pillow leaves behind."""

import logging

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile

from facewire_server.errors import Reason, RequestError
from facewire_server.image.pillow import decode_pillow
from tests.server.image.samples import bgr, rgb, save


@pytest.mark.parametrize(
    "size", [(1, 1), (600, 500), (70_000, 9), (3, 100_000), (140_000, 1)]
)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_all_parts_of_an_image_land_in_their_place(
    size: tuple[int, int], mode: str
) -> None:
    image = rgb(*size).convert(mode)
    data = save(image, "PNG", compress_level=0)
    decoded = decode_pillow(PngImageFile, data, "PNG", 10**6).to_bgr()
    assert np.array_equal(decoded, bgr(image))


def test_pillow_has_no_limit_beside_ours() -> None:
    assert Image.MAX_IMAGE_PIXELS is None
    data = save(rgb(), "PNG")
    with pytest.raises(RequestError) as error:
        decode_pillow(PngImageFile, data, "PNG", 100)
    assert error.value.reason is Reason.IMAGE_TOO_LARGE


def test_another_format_is_damage() -> None:
    with pytest.raises(RequestError, match="the TIFF data is damaged") as error:
        decode_pillow(TiffImageFile, save(rgb(), "PNG"), "TIFF", 10**6)
    assert error.value.reason is Reason.CORRUPT_IMAGE


def test_pillow_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    decode_pillow(PngImageFile, save(rgb(), "PNG"), "PNG", 10**6)
    assert caplog.records == []
