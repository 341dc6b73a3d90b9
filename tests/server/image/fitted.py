"""A picture drawn into an input of its own, for tests."""

import numpy as np
from numpy.typing import NDArray

from facewire_ext import Placement
from facewire_server.image.fit import fit
from facewire_server.image.picture import Picture
from facewire_server.image.target import ResizeMode


def fitted(
    picture: Picture,
    size: tuple[int, int] = (96, 64),
    mode: ResizeMode = ResizeMode.STANDARD,
    pad_value: int = 114,
) -> tuple[NDArray[np.uint8], Placement]:
    """The input as [H,W,3], and the placement."""
    tensor = np.full((1, 3, size[1], size[0]), 7, np.uint8)
    placement = fit(picture, tensor, mode=mode, pad_value=pad_value)
    return tensor[0].transpose(1, 2, 0), placement
