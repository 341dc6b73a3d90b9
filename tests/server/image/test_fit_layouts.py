"""Pictures of all pixel layouts in the network's input: each as the BGR that it stands for."""

import cv2
import numpy as np
import pytest

from facewire_server.image.picture import Picture, PixelLayout
from facewire_server.image.target import ResizeMode
from tests.server.image.fitted import fitted
from tests.server.image.samples import smooth


@pytest.mark.parametrize("orientation", [1, 7])
@pytest.mark.parametrize(
    ("layout", "channels"),
    [
        (PixelLayout.RGB, [2, 1, 0]),
        (PixelLayout.BGRA, [0, 1, 2, 1]),
        (PixelLayout.RGBA, [2, 1, 0, 1]),
    ],
)
def test_the_layout_does_not_change_the_input(
    layout: PixelLayout, channels: list[int], orientation: int
) -> None:
    colour = smooth(150, 100)
    reference, _ = fitted(Picture(colour, PixelLayout.BGR, orientation))
    pixels = np.ascontiguousarray(colour[:, :, channels])
    canvas, _ = fitted(Picture(pixels, layout, orientation))
    assert np.array_equal(canvas, reference)


def test_grey_fills_all_channels() -> None:
    gray = smooth(150, 100, 1)[:, :, 0]
    canvas, _ = fitted(Picture(gray, PixelLayout.GRAY))
    assert np.array_equal(canvas[:, :, 0], canvas[:, :, 2])
    reference, _ = fitted(Picture(np.dstack([gray] * 3), PixelLayout.BGR))
    assert np.array_equal(canvas, reference)


@pytest.mark.parametrize("mode", list(ResizeMode))
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("layout", [PixelLayout.NV12, PixelLayout.I420])
@pytest.mark.parametrize("size", [(150, 100), (100, 150), (2, 2)])
def test_video_is_drawn_as_the_pixels_that_it_stands_for(
    layout: PixelLayout, orientation: int, mode: ResizeMode, size: tuple[int, int]
) -> None:
    width, height = size
    luma = smooth(width, height, 1)[:, :, 0]
    chroma = smooth(width // 2, height // 2, 2)
    interleaved = np.vstack([luma, chroma.reshape(height // 2, width)])
    stored = np.asarray(cv2.cvtColor(interleaved, cv2.COLOR_YUV2BGR_NV12), np.uint8)
    if layout is PixelLayout.I420:
        chroma = np.moveaxis(np.ascontiguousarray(np.moveaxis(chroma, 2, 0)), 0, 2)
    video = Picture(luma, layout, orientation, chroma=(chroma[:, :, 0], chroma[:, :, 1]))
    canvas, placement = fitted(video, mode=mode)
    reference, expected = fitted(Picture(stored, PixelLayout.BGR, orientation), mode=mode)
    assert np.array_equal(canvas, reference)
    assert repr(placement) == repr(expected)


def test_read_only_strided_rows_are_drawn() -> None:
    wide = smooth(200, 100)
    wide.flags.writeable = False
    canvas, _ = fitted(Picture(wide[:, 20:170], PixelLayout.BGR))
    reference, _ = fitted(Picture(wide[:, 20:170].copy(), PixelLayout.BGR))
    assert np.array_equal(canvas, reference)
