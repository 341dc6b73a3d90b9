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
    assert Target(640, 640, mode).drawn(4000, 3000) == drawn


@pytest.mark.parametrize("mode", list(ResizeMode))
def test_nothing_is_drawn_with_a_side_of_no_pixels(mode: ResizeMode) -> None:
    assert min(Target(64, 64, mode).drawn(1, 60_000)) >= 1
