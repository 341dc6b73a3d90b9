"""Pictures in the network's input: their placement, and nothing else is written."""

import numpy as np
import pytest
from numpy.typing import NDArray

from facewire_ext import Placement, rescale
from facewire_server.image.fit import fit
from facewire_server.image.picture import Picture, PixelLayout
from facewire_server.image.target import ResizeMode
from tests.server.image.fitted import fitted
from tests.server.image.samples import smooth, to_bgr

MODES = list(ResizeMode)
ORIENTATIONS = range(1, 9)
SIZES = [(1, 1), (1, 20_000), (20_000, 1), (2, 3), (999, 1), (640, 480), (97, 211)]


def _covered(placement: Placement) -> tuple[slice, slice]:
    """Rows and columns of the input that the image covers."""
    left, top = placement.offset_x, placement.offset_y
    right = left + placement.image_width * placement.scale_x
    bottom = top + placement.image_height * placement.scale_y
    return (
        slice(max(0, round(top)), min(placement.input_height, round(bottom))),
        slice(max(0, round(left)), min(placement.input_width, round(right))),
    )


def _to_input(x: float, y: float, placement: Placement) -> tuple[float, float]:
    """A point of the upright image in the input."""
    input_x = x * placement.scale_x + placement.offset_x
    return input_x, y * placement.scale_y + placement.offset_y


def _marked(width: int, height: int) -> NDArray[np.uint8]:
    """A black image [height,width,3] with a white rectangle off its middle."""
    pixels = np.zeros((height, width, 3), np.uint8)
    top, left = height // 3, width * 2 // 5
    pixels[top : top + height // 5, left : left + width // 6] = 255
    return pixels


def _centre(canvas: NDArray[np.uint8]) -> tuple[float, float]:
    """Where the light of a canvas is centred: x, y in continuous pixels."""
    light = canvas[:, :, 1].astype(float)
    ys, xs = np.indices(light.shape) + 0.5
    return (xs * light).sum() / light.sum(), (ys * light).sum() / light.sum()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("size", [(301, 200), (200, 301), (50, 37), (1000, 400)])
def test_a_mark_is_found_where_the_placement_says(
    mode: ResizeMode, orientation: int, size: tuple[int, int]
) -> None:
    stored = _marked(*size)
    picture = Picture(stored, PixelLayout.BGR, orientation)
    canvas, placement = fitted(picture, mode=mode, pad_value=0)
    x, y = _centre(to_bgr(picture))
    expected = _to_input(x, y, placement)
    assert _centre(canvas) == pytest.approx(expected, abs=0.5)


def _box(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The box [1,4] around the light of an image."""
    rows, columns = np.nonzero(image[:, :, 1] > 127)
    return np.array([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]], np.float32)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("size", [(301, 200), (200, 301)])
def test_a_box_in_the_input_is_rescaled_to_the_upright_image(
    mode: ResizeMode, orientation: int, size: tuple[int, int]
) -> None:
    stored = _marked(*size)
    picture = Picture(stored, PixelLayout.BGR, orientation)
    canvas, placement = fitted(picture, mode=mode, pad_value=0)
    boxes = _box(canvas)
    rescale(boxes, boxes, placement=placement)
    pixel = 1 / min(placement.scale_x, placement.scale_y)
    np.testing.assert_allclose(boxes, _box(to_bgr(picture)), rtol=0, atol=pixel)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("size", [(301, 200), (61, 300), (40, 30)])
def test_rotating_the_small_image_is_rotating_the_large_one(
    mode: ResizeMode, orientation: int, size: tuple[int, int]
) -> None:
    rotated = Picture(smooth(*size), PixelLayout.BGR, orientation)
    upright = Picture(to_bgr(rotated), PixelLayout.BGR)
    one, first = fitted(rotated, mode=mode)
    other, second = fitted(upright, mode=mode)
    assert repr(first) == repr(second)
    assert np.abs(one.astype(int) - other).max() <= 2


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_stretch_covers_the_input(size: tuple[int, int], orientation: int) -> None:
    picture = Picture(smooth(*size), PixelLayout.BGR, orientation)
    _, placement = fitted(picture)
    assert placement.scale_x == 96 / picture.width
    assert placement.scale_y == 64 / picture.height
    assert (placement.offset_x, placement.offset_y) == (0, 0)
    assert (placement.image_width, placement.image_height) == (picture.width, picture.height)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("middle", [False, True])
def test_a_kept_aspect_ratio_covers_one_axis_with_whole_pixels(
    size: tuple[int, int], middle: bool
) -> None:
    mode = ResizeMode.FIT_TO_WINDOW_LETTERBOX if middle else ResizeMode.FIT_TO_WINDOW
    _, placement = fitted(Picture(smooth(*size), PixelLayout.BGR), mode=mode)
    width, height = size[0] * placement.scale_x, size[1] * placement.scale_y
    scale = min(96 / size[0], 64 / size[1])
    assert width == pytest.approx(max(1, round(size[0] * scale)), abs=1e-9)
    assert height == pytest.approx(max(1, round(size[1] * scale)), abs=1e-9)
    assert placement.offset_x == ((96 - round(width)) // 2 if middle else 0)
    assert placement.offset_y == ((64 - round(height)) // 2 if middle else 0)


@pytest.mark.parametrize("size", SIZES)
def test_a_crop_keeps_the_middle(size: tuple[int, int]) -> None:
    _, placement = fitted(Picture(smooth(*size), PixelLayout.BGR), mode=ResizeMode.CROP)
    left = -placement.offset_x / placement.scale_x
    right = (96 - placement.offset_x) / placement.scale_x
    top = -placement.offset_y / placement.scale_y
    bottom = (64 - placement.offset_y) / placement.scale_y
    assert left == pytest.approx(size[0] - right)
    assert top == pytest.approx(size[1] - bottom)
    assert left >= 0 and top >= 0
    assert min(left, top) == 0 or size[0] * size[1] == 1


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("pad_value", [0, 114, 255])
def test_all_of_the_input_is_image_or_padding(
    mode: ResizeMode, size: tuple[int, int], pad_value: int
) -> None:
    white = np.full((size[1], size[0], 3), 200, np.uint8)
    picture = Picture(white, PixelLayout.BGR)
    canvas, placement = fitted(picture, mode=mode, pad_value=pad_value)
    expected = np.full_like(canvas, pad_value)
    expected[_covered(placement)] = 200
    assert np.array_equal(canvas, expected)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("orientation", [1, 5])
def test_a_slot_of_a_batch_is_filled_and_no_other(mode: ResizeMode, orientation: int) -> None:
    picture = Picture(smooth(150, 50), PixelLayout.BGR, orientation)
    batch = np.full((3, 3, 64, 96), 7, np.uint8)
    fit(picture, batch[1:2], mode=mode, pad_value=114)
    assert np.array_equal(batch[1].transpose(1, 2, 0), fitted(picture, mode=mode)[0])
    assert (batch[[0, 2]] == 7).all()


def test_a_tensor_without_a_batch_is_filled() -> None:
    picture = Picture(smooth(150, 50), PixelLayout.BGR)
    planes = np.zeros((3, 64, 96), np.uint8)
    fit(picture, planes, mode=ResizeMode.STANDARD, pad_value=0)
    assert np.array_equal(planes.transpose(1, 2, 0), fitted(picture)[0])


@pytest.mark.parametrize("shape", [(1, 64, 96, 3), (4, 64, 96), (3, 0, 96)])
def test_a_tensor_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    picture = Picture(smooth(9, 5), PixelLayout.BGR)
    with pytest.raises(ValueError, match="out must be"):
        fit(picture, np.zeros(shape, np.uint8), mode=ResizeMode.CROP, pad_value=0)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("reduction", [2, 4, 8])
@pytest.mark.parametrize("size", [(1203, 801), (809, 1210)])
def test_a_mark_in_a_reduced_picture_is_where_the_placement_says(
    mode: ResizeMode, orientation: int, reduction: int, size: tuple[int, int]
) -> None:
    stored = _marked(*size)
    full = Picture(stored, PixelLayout.BGR, orientation)
    sides = -(-size[1] // reduction), -(-size[0] // reduction)
    padded = np.zeros((sides[0] * reduction, sides[1] * reduction, 3), np.uint8)
    padded[: size[1], : size[0]] = stored
    blocks = padded.reshape(sides[0], reduction, sides[1], reduction, 3)
    small = blocks.mean((1, 3)).round().astype(np.uint8)
    picture = Picture(small, PixelLayout.BGR, orientation, reduction, size)
    canvas, placement = fitted(picture, mode=mode, pad_value=0)
    assert (placement.image_width, placement.image_height) == (full.width, full.height)
    x, y = _centre(to_bgr(full))
    expected = _to_input(x, y, placement)
    assert _centre(canvas) == pytest.approx(expected, abs=0.5)


def test_the_last_pixel_of_a_reduced_picture_may_stand_for_less() -> None:
    # 1203 pixels by eights are 151, and those would be 1208.
    small = np.zeros((100, 151, 3), np.uint8)
    picture = Picture(small, PixelLayout.BGR, 1, 8, (1203, 800))
    _, placement = fitted(picture)
    assert placement.scale_x == 96 / 1208
    assert placement.scale_y == 64 / 800
    assert (placement.image_width, placement.image_height) == (1203, 800)
