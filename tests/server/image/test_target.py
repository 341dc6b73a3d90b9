"""How much of an image a network wants to see."""

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
def test_the_whole_image_is_drawn_as_large_as_the_mode_says(
    mode: ResizeMode, drawn: tuple[int, int]
) -> None:
    assert Target(640, 640, mode).fitted_size(4000, 3000) == drawn


@pytest.mark.parametrize("mode", list(ResizeMode))
def test_nothing_is_drawn_with_a_side_of_no_pixels(mode: ResizeMode) -> None:
    assert min(Target(64, 64, mode).fitted_size(1, 60_000)) >= 1


@pytest.mark.parametrize(
    ("size", "reduction"),
    [((64, 64), 1), ((127, 200), 2), ((256, 100), 4), ((515, 300), 8), ((9000, 1), 1)],
)
def test_no_more_is_taken_away_than_the_input_can_lack(
    size: tuple[int, int], reduction: int
) -> None:
    assert Target(64, 64, ResizeMode.FIT_TO_WINDOW).reduction(*size) == reduction
