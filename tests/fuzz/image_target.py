"""Fuzz target: any bytes as an image file, decoded and fitted into an input."""

import numpy as np

from facewire_server.errors import RequestError
from facewire_server.image.decode import decode
from facewire_server.image.fit import fit
from facewire_server.image.limits import ImageLimits
from facewire_server.image.picture import Picture
from facewire_server.image.target import ResizeMode, Target

LIMITS = ImageLimits(pixels=2_000_000, side=20_000, scans=12)
MODES = tuple(ResizeMode)
SIDES = (32, 96)


def try_input(data: bytes) -> None:
    """Decode one file; AssertionError when a rule is broken, any other error is a bug too.

    The last byte chooses the target: bytes behind the end of a file do not matter to a
    decoder.
    """
    target = chosen_target(data[-1] if data else 0)
    try:
        picture = decode(data, limits=LIMITS, target=target)
    except RequestError:
        return
    assert_sound(picture, target)


def chosen_target(choice: int) -> Target:
    """One of several targets."""
    side = SIDES[choice % 2]
    return Target(side, side, MODES[choice // 2 % len(MODES)])


def assert_sound(picture: Picture, target: Target) -> None:
    """Assert what holds for every picture, and for an input that it is drawn into."""
    rows, columns = picture.pixels.shape[:2]
    assert 0 < picture.width * picture.height <= LIMITS.pixels
    assert max(picture.width, picture.height) <= LIMITS.side
    assert rows * columns <= picture.width * picture.height
    assert picture.pixels.dtype == np.uint8
    tensor = np.zeros((3, target.height, target.width), np.uint8)
    placement = fit(picture, tensor, mode=target.mode, pad_value=114)
    assert (placement.image_width, placement.image_height) == (picture.width, picture.height)
    # The middle of the image is in the input, whatever its shape.
    for middle, side in (
        (picture.width / 2 * placement.scale_x + placement.offset_x, target.width),
        (picture.height / 2 * placement.scale_y + placement.offset_y, target.height),
    ):
        assert 0 <= middle <= side
