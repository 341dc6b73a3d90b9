"""Draw a picture into the network's input: resized, rotated upright and padded.

Rule: the stored pixels are resized first; rotating them upright and reordering their
channels is done on the small result. The network always sees an upright image, so the
boxes that it finds need no rotation, only the `Placement` undone.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from facewire_ext import Placement
from facewire_server.image.orientation import reversed_axes, rotate, swaps_sides
from facewire_server.image.picture import Picture, PixelLayout, as_bgr
from facewire_server.image.target import ResizeMode, Target


@dataclass(frozen=True, slots=True)
class _Axis:
    """One axis of the upright image: which stored pixels are drawn, and where to.

    `stored` and `margin` count stored pixels, each of which stands for `reduction`
    pixels of the image; `margin` is cut off at both ends. The first stored pixel begins
    `lead` pixels before the image. `size` input pixels are drawn, from `offset` on.
    """

    stored: int
    reduction: int
    lead: int
    margin: int
    size: int
    offset: int

    @property
    def scale(self) -> float:
        """Input pixels per image pixel."""
        return self.size / (self.reduction * (self.stored - 2 * self.margin))

    @property
    def origin(self) -> float:
        """The input coordinate of the image's own edge."""
        cut_off = self.margin * self.reduction - self.lead
        return self.offset - cut_off * self.scale

    @property
    def drawn(self) -> slice:
        """The input pixels that the image covers."""
        return slice(self.offset, self.offset + self.size)

    @property
    def kept(self) -> slice:
        """The stored pixels that are drawn."""
        return slice(self.margin, self.stored - self.margin)


def fit(
    picture: Picture, tensor: NDArray[np.uint8], *, mode: ResizeMode, pad_value: int
) -> Placement:
    """Draw the upright picture into `tensor`, uint8 [1,H,W,3] or [H,W,3] BGR, in place.

    Bilinear, as Open Model Zoo's tools resize; the rest of the input is filled with
    `pad_value`, 0 to 255. The placement says where the upright picture is in the tensor:
    input = image * scale + offset in continuous pixels, with the exact scale after the
    size was rounded to whole pixels. With CROP the offset is negative: the edges of the
    image lie outside the input. ValueError for a tensor of another shape or type.
    """
    canvas = tensor[0] if tensor.ndim == 4 else tensor
    if canvas.dtype != np.uint8 or canvas.ndim != 3 or canvas.shape[2] != 3:
        raise ValueError(f"not an 8-bit BGR tensor: {tensor.dtype} {tensor.shape}")
    height, width = canvas.shape[:2]
    x, y = _axes(picture, Target(width, height, mode))
    _draw(picture, x, y, canvas[y.drawn, x.drawn])
    _pad(canvas, x, y, pad_value)
    return Placement(
        width,
        height,
        picture.width,
        picture.height,
        x.scale,
        y.scale,
        x.origin,
        y.origin,
    )


def _axes(picture: Picture, target: Target) -> tuple[_Axis, _Axis]:
    """The x and y axis of the upright picture."""
    image = picture.width, picture.height
    stored = picture.pixels.shape[1], picture.pixels.shape[0]
    if swaps_sides(picture.orientation):
        stored = stored[1], stored[0]
    room = target.width, target.height
    fitted, scales = target.fitted_size(*image), target.scales(*image)
    reverses = reversed_axes(picture.orientation)

    def axis(i: int) -> _Axis:
        reduction = picture.reduction
        # The last stored pixel may stand for less than `reduction` pixels. Where the axis
        # is reversed it becomes the first one, and begins before the image.
        lead = stored[i] * reduction - image[i] if reverses[i] else 0
        if target.mode is ResizeMode.CROP:
            # The same margin at both ends, so that the orientation does not change what
            # is cut off.
            margin = int((image[i] - room[i] / scales[i]) / 2 / reduction)
            return _Axis(stored[i], reduction, lead, margin, room[i], 0)
        centred = target.mode is ResizeMode.FIT_TO_WINDOW_LETTERBOX
        offset = (room[i] - fitted[i]) // 2 if centred else 0
        return _Axis(stored[i], reduction, lead, 0, fitted[i], offset)

    return axis(0), axis(1)


def _draw(picture: Picture, x: _Axis, y: _Axis, region: NDArray[np.uint8]) -> None:
    """Fill `region` [h,w,3], a view of the input, with the kept pixels of the picture."""
    if swaps_sides(picture.orientation):
        x, y = y, x
    pixels = picture.pixels[y.kept, x.kept]
    if picture.orientation == 1 and picture.layout is PixelLayout.BGR:
        cv2.resize(pixels, (x.size, y.size), region)
        return
    small = np.empty((y.size, x.size, *pixels.shape[2:]), np.uint8)
    cv2.resize(pixels, (x.size, y.size), small)
    rotate(as_bgr(small, picture.layout), picture.orientation, region)


def _pad(canvas: NDArray[np.uint8], x: _Axis, y: _Axis, value: int) -> None:
    """Fill the part of the input around the drawn region, and only that."""
    canvas[: y.drawn.start] = value
    canvas[y.drawn.stop :] = value
    canvas[y.drawn, : x.drawn.start] = value
    canvas[y.drawn, x.drawn.stop :] = value
