"""Draw a picture into the network's input: resized, rotated upright and padded.

Rule: the network always sees an upright image, so the boxes that it finds need no rotation,
only the `Placement` undone.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import facewire_ext
from facewire_ext import Placement
from facewire_server.image.orientation import reversed_axes, swaps_sides
from facewire_server.image.picture import Picture, PixelLayout
from facewire_server.image.target import ResizeMode, Target


@dataclass(frozen=True, slots=True)
class _Axis:
    """One axis of the upright image: the stored pixels that are drawn, and their target.

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
        return self.size / (self.reduction * self.used)

    @property
    def origin(self) -> float:
        """The input coordinate of the image's own edge."""
        cut_off = self.margin * self.reduction - self.lead
        return self.offset - cut_off * self.scale

    @property
    def used(self) -> int:
        """How many stored pixels are drawn."""
        return self.stored - 2 * self.margin


def fit(
    picture: Picture, tensor: NDArray[np.uint8], *, mode: ResizeMode, pad_value: int
) -> Placement:
    """Draw the upright picture into `tensor`, uint8 [1,3,H,W] or [3,H,W], planes B, G, R.

    Bilinear, with the bits of OpenCV's INTER_LINEAR, as Open Model Zoo's tools resize; the
    rest of the input is filled with `pad_value`, 0 to 255. A picture that is much larger
    than the input is sampled, not averaged, because the models were trained and measured so.
    The placement says where the upright picture is in the tensor: input = image * scale +
    offset in continuous pixels, with the exact scale after the size was rounded to whole
    pixels. With CROP the offset is negative: the edges of the image lie outside the input.
    ValueError for a tensor of another shape or type.
    """
    planes = tensor[0] if tensor.ndim == 4 else tensor
    height, width = planes.shape[-2:]
    x, y = _axes(picture, Target(width, height, mode))
    _draw(picture, x, y, planes, pad_value)
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


def _draw(picture: Picture, x: _Axis, y: _Axis, planes: NDArray[np.uint8], pad_value: int) -> None:
    """Fill `planes` [3,H,W] with the drawn pixels of the picture and with `pad_value`."""
    covered = (x.offset, y.offset, x.size, y.size)
    if swaps_sides(picture.orientation):
        x, y = y, x
    orientation = picture.orientation
    if picture.chroma is not None:
        facewire_ext.fit_yuv(
            picture.pixels,
            *picture.chroma,
            planes,
            kept=(x.margin, y.margin, x.used, y.used),
            place=covered,
            orientation=orientation,
            pad_value=pad_value,
        )
        return
    pixels = picture.pixels[y.margin : y.margin + y.used, x.margin : x.margin + x.used]
    facewire_ext.fit(
        pixels[:, :, np.newaxis] if pixels.ndim == 2 else pixels,
        planes,
        place=covered,
        orientation=orientation,
        rgb=picture.layout in (PixelLayout.RGB, PixelLayout.RGBA),
        pad_value=pad_value,
    )
