"""The network's input as decoders see it: its size, and how an image is fitted into it.

A decoder that can make a smaller image for less work gets the reduction from the target.
"""

from dataclasses import dataclass
from enum import StrEnum

REDUCTIONS = (8, 4, 2)
"""The factors by which a decoder may reduce each side of an image.

libjpeg-turbo does these with vector instructions. Its other scales, in eighths, run
slower code: 3/8 of a photo takes longer than 4/8, and looks worse.
"""


class ResizeMode(StrEnum):
    """How an image is brought to the input's size; `resize_type` in a model's metadata."""

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
        """Input pixels per image pixel along x and y, for an upright image of this size."""
        x, y = self.width / width, self.height / height
        if self.mode is ResizeMode.STANDARD:
            return x, y
        common = max(x, y) if self.mode is ResizeMode.CROP else min(x, y)
        return common, common

    def fitted_size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height, at least 1, of the whole upright image once it is fitted.

        With CROP that is more than the input along one axis.
        """
        x, y = self.scales(width, height)
        return max(1, round(width * x)), max(1, round(height * y))

    def reduction(self, width: int, height: int) -> int:
        """The largest of REDUCTIONS, or 1, after which fitting does not enlarge the image.

        Width and height are those of the upright image.
        """
        fitted_width, fitted_height = self.fitted_size(width, height)
        for reduction in REDUCTIONS:
            if width >= fitted_width * reduction and height >= fitted_height * reduction:
                return reduction
        return 1
