"""A picture into the network's input: resized, turned, padded, and how to undo it.

Rule: the stored pixels are resized first; turning them upright and reordering their
channels is done on the small result.
"""

from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from facewire_ext import Placement
from facewire_server.image.orientation import swaps_sides, turn
from facewire_server.image.picture import Picture, PixelLayout, as_bgr


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
class _Axis:
    """Along one axis: what is cut off at both ends, and where the rest goes."""

    image: int
    margin: int
    size: int
    offset: int

    @property
    def scale(self) -> float:
        return self.size / (self.image - 2 * self.margin)

    @property
    def origin(self) -> float:
        """Where in the input the image's own edge would be."""
        return self.offset - self.margin * self.scale

    @property
    def span(self) -> slice:
        """The part of the input that is covered."""
        return slice(self.offset, self.offset + self.size)

    @property
    def kept(self) -> slice:
        """The part of the image that is used."""
        return slice(self.margin, self.image - self.margin)


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
    scales = width / picture.width, height / picture.height
    common = max(scales) if mode is ResizeMode.CROP else min(scales)
    x = _axis(picture.width, width, common, mode)
    y = _axis(picture.height, height, common, mode)
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


def _axis(image: int, target: int, common: float, mode: ResizeMode) -> _Axis:
    """One axis of an image of `image` pixels, for an input of `target` pixels.

    `common` is the one scale of both axes in the modes that keep the aspect ratio.
    """
    if mode is ResizeMode.STANDARD:
        return _Axis(image, 0, target, 0)
    if mode is ResizeMode.CROP:
        # The same margin on both sides: what is cut off does not depend on the turn.
        return _Axis(image, int((image - target / common) / 2), target, 0)
    size = max(1, round(image * common))
    middle = mode is ResizeMode.FIT_TO_WINDOW_LETTERBOX
    return _Axis(image, 0, size, (target - size) // 2 if middle else 0)


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
    turn(as_bgr(small, picture.layout), picture.orientation, region)


def _pad(frame: NDArray[np.uint8], x: _Axis, y: _Axis, value: int) -> None:
    """Fill what lies around the covered part of the input, and only that."""
    frame[: y.span.start] = value
    frame[y.span.stop :] = value
    frame[y.span, : x.span.start] = value
    frame[y.span, x.span.stop :] = value
