"""What a network wants to see of an image: how large, and how it is fitted in.

Decoders that can make a smaller image for less ask it how much is enough.
"""

from dataclasses import dataclass
from enum import StrEnum

REDUCTIONS = (8, 4, 2)
"""How many pixels along a side a decoder may make one of.

libjpeg-turbo does these with vector instructions. It can do the other eighths too,
with slower code: 3/8 of a photo takes longer than 4/8, and looks worse.
"""


class ResizeMode(StrEnum):
    """How an image is brought to the input's size; `resize_type` in a model's file."""

    STANDARD = "standard"
    """Stretched to the input, each axis by its own scale."""

    FIT_TO_WINDOW = "fit_to_window"
    """Aspect ratio kept, at the top left, padded to the right and below."""

    FIT_TO_WINDOW_LETTERBOX = "fit_to_window_letterbox"
    """Aspect ratio kept, in the middle, padded on both sides."""

    CROP = "crop"
    """The middle of the image, cut to the input's aspect ratio, then stretched."""


@dataclass(frozen=True, slots=True)
class Target:
    """An input of `width` x `height` pixels, filled by `mode`."""

    width: int
    height: int
    mode: ResizeMode

    def scales(self, width: int, height: int) -> tuple[float, float]:
        """Pixels of the input for one of an upright image of this size: x and y."""
        x, y = self.width / width, self.height / height
        if self.mode is ResizeMode.STANDARD:
            return x, y
        common = max(x, y) if self.mode is ResizeMode.CROP else min(x, y)
        return common, common

    def drawn(self, width: int, height: int) -> tuple[int, int]:
        """Width and height, at least 1, of the whole upright image once it is fitted.

        With CROP that is more than the input along one axis.
        """
        x, y = self.scales(width, height)
        return max(1, round(width * x)), max(1, round(height * y))

    def reduction(self, width: int, height: int) -> int:
        """The most that an upright image can be reduced without being drawn larger."""
        drawn_width, drawn_height = self.drawn(width, height)
        for reduction in REDUCTIONS:
            if width >= drawn_width * reduction and height >= drawn_height * reduction:
                return reduction
        return 1
