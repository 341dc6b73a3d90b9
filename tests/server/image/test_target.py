"""The size of a fitted image, and how far a decoder may reduce one."""

import pytest

from facewire_server.image.target import ResizeMode, Target


@pytest.mark.parametrize(
    ("mode", "drawn"),
    [
        (ResizeMode.STANDARD, (640, 640)),
        (ResizeMode.FIT_TO_WINDOW, (640, 480)),
        (ResizeMode.FIT_TO_WINDOW_LETTERBOX, (640, 480)),
        (ResizeMode.CROP, (853, 640)),
    ],
)
def test_the_mode_decides_the_size_of_the_fitted_image(
    mode: ResizeMode, drawn: tuple[int, int]
) -> None:
    assert Target(640, 640, mode).fitted_size(4000, 3000) == drawn


@pytest.mark.parametrize("mode", list(ResizeMode))
def test_a_fitted_image_has_sides_of_at_least_one_pixel(mode: ResizeMode) -> None:
    assert min(Target(64, 64, mode).fitted_size(1, 60_000)) >= 1


@pytest.mark.parametrize(
    ("size", "reduction"),
    [((64, 64), 1), ((127, 200), 2), ((256, 100), 4), ((515, 300), 8), ((9000, 1), 1)],
)
def test_reduction_leaves_at_least_the_pixels_that_fitting_needs(
    size: tuple[int, int], reduction: int
) -> None:
    assert Target(64, 64, ResizeMode.FIT_TO_WINDOW).reduction(*size) == reduction
