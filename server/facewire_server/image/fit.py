"""A picture into the network's input: resized, turned, padded, and how to undo it.

Rule: the stored pixels are resized first; turning them upright and reordering their
channels is done on the small result.
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
    """Along one axis: what is cut off at both ends, and where the rest goes.

    `stored` and `margin` count stored pixels, each of which stands for `reduction`
    pixels of the image; the first of them begins `lead` pixels before the image.
    """

    stored: int
    reduction: int
    lead: int
    margin: int
    size: int
    offset: int

    @property
    def scale(self) -> float:
        """Pixels of the input for one of the image."""
        return self.size / (self.reduction * (self.stored - 2 * self.margin))

    @property
    def origin(self) -> float:
        """Where in the input the image's own edge would be."""
        cut_off = self.margin * self.reduction - self.lead
        return self.offset - cut_off * self.scale

    @property
    def span(self) -> slice:
        """The part of the input that is covered."""
        return slice(self.offset, self.offset + self.size)

    @property
    def kept(self) -> slice:
        """The stored pixels that are used."""
        return slice(self.margin, self.stored - self.margin)


def fit(
    picture: Picture, tensor: NDArray[np.uint8], *, mode: ResizeMode, pad_value: int
) -> Placement:
    """Draw the upright picture into `tensor`, [1,H,W,3] or [H,W,3] BGR, in place.

    Bilinear, as Open Model Zoo's tools resize; what the picture does not cover is
    filled with `pad_value`, 0 to 255. The placement says where the upright picture
    is in the tensor: input = image * scale + offset in continuous pixels, with the
    exact scale after the size was rounded to whole pixels. With CROP the offset is
    negative: the edges of the image lie outside the input.
    """
    frame = tensor[0] if tensor.ndim == 4 else tensor
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
        raise ValueError(f"not an 8-bit BGR tensor: {tensor.dtype} {tensor.shape}")
    height, width = frame.shape[:2]
    x, y = _axes(picture, Target(width, height, mode))
    _draw(picture, x, y, frame[y.span, x.span])
    _pad(frame, x, y, pad_value)
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
    """Both axes of the upright picture."""
    image = picture.width, picture.height
    stored = picture.pixels.shape[1], picture.pixels.shape[0]
    if swaps_sides(picture.orientation):
        stored = stored[1], stored[0]
    room = target.width, target.height
    drawn, scales = target.drawn(*image), target.scales(*image)
    reverses = reversed_axes(picture.orientation)

    def axis(i: int) -> _Axis:
        reduction = picture.reduction
        lead = stored[i] * reduction - image[i] if reverses[i] else 0
        if target.mode is ResizeMode.CROP:
            # The same margin on both sides: what is cut off does not depend on the
            # turn.
            margin = int((image[i] - room[i] / scales[i]) / 2 / reduction)
            return _Axis(stored[i], reduction, lead, margin, room[i], 0)
        middle = target.mode is ResizeMode.FIT_TO_WINDOW_LETTERBOX
        offset = (room[i] - drawn[i]) // 2 if middle else 0
        return _Axis(stored[i], reduction, lead, 0, drawn[i], offset)

    return axis(0), axis(1)


def _draw(picture: Picture, x: _Axis, y: _Axis, region: NDArray[np.uint8]) -> None:
    """Fill `region` [h,w,3], a part of the input, with what is kept of the picture."""
    if swaps_sides(picture.orientation):
        x, y = y, x
    pixels = picture.pixels[y.kept, x.kept]
    if picture.orientation == 1 and picture.layout is PixelLayout.BGR:
        cv2.resize(pixels, (x.size, y.size), region)
        return
    small = np.empty((y.size, x.size, *pixels.shape[2:]), np.uint8)
    cv2.resize(pixels, (x.size, y.size), small)
    rotate(as_bgr(small, picture.layout), picture.orientation, region)


def _pad(frame: NDArray[np.uint8], x: _Axis, y: _Axis, value: int) -> None:
    """Fill what lies around the covered part of the input, and only that."""
    frame[: y.span.start] = value
    frame[y.span.stop :] = value
    frame[y.span, : x.span.start] = value
    frame[y.span, x.span.stop :] = value
