"""How an upright image was fitted into the network's input, and the way back.

A stretch has a scale per axis and no offset; a letterbox has one scale and the offset
of its bars. The arithmetic is in `_placement.pxd`, where other modules inline it.
"""

cimport cython
from libc.math cimport isfinite


cdef bint is_scale(double value) noexcept:
    """Whether a number and its reciprocal are finite and positive."""
    return isfinite(value) and value > 0 and isfinite(1 / value)


@cython.final
cdef class Placement:
    """How an upright image was fitted into the network's input.

    Per axis, `input = image * scale + offset`, in pixels, with continuous
    coordinates: 0 is the outer edge of the first pixel.

    Raises ValueError for sizes under 1, for scales that are not finite and positive,
    and for offsets that are not finite.
    """

    def __init__(
        self,
        int input_width,
        int input_height,
        int image_width,
        int image_height,
        double scale_x,
        double scale_y,
        double offset_x,
        double offset_y,
    ):
        if min(input_width, input_height, image_width, image_height) < 1:
            raise ValueError("the sides of input and image must be at least 1 pixel")
        if not (is_scale(scale_x) and is_scale(scale_y)):
            raise ValueError("the scales must be finite and positive")
        if not (isfinite(offset_x) and isfinite(offset_y)):
            raise ValueError("the offsets must be finite")
        self.input_width = input_width
        self.input_height = input_height
        self.image_width = image_width
        self.image_height = image_height
        self.transform = Transform(
            scale_x,
            scale_y,
            1 / scale_x,
            1 / scale_y,
            offset_x,
            offset_y,
            image_width,
            image_height,
        )

    @property
    def scale_x(self):
        """Input pixels per image pixel along x."""
        return self.transform.scale_x

    @property
    def scale_y(self):
        """Input pixels per image pixel along y."""
        return self.transform.scale_y

    @property
    def offset_x(self):
        """Input pixels left of the image."""
        return self.transform.offset_x

    @property
    def offset_y(self):
        """Input pixels above the image."""
        return self.transform.offset_y

    def __repr__(self):
        return (
            f"Placement({self.input_width}, {self.input_height}, "
            f"{self.image_width}, {self.image_height}, {self.scale_x}, "
            f"{self.scale_y}, {self.offset_x}, {self.offset_y})"
        )


def rescale(
    const float[:, ::1] boxes not None,
    float[:, ::1] out not None,
    *,
    Placement placement not None,
):
    """Map boxes from the network's input to the upright image and clip them there.

    boxes: float32 [N, 4], x_min, y_min, x_max, y_max in input pixels, any values.
    out: float32 [N, 4], may be `boxes` itself: the same in pixels of the upright
    image, within [0, width] x [0, height]. A box of which nothing is left, or with a
    NaN in it, becomes four zeros. Raises ValueError when the shapes do not fit.
    """
    if boxes.shape[1] != 4 or out.shape[1] != 4:
        raise ValueError("boxes and out must have 4 columns")
    if boxes.shape[0] != out.shape[0]:
        raise ValueError(
            f"out must have the {boxes.shape[0]} rows of boxes, not {out.shape[0]}"
        )
    with nogil:
        rescale_rows(boxes, out, &placement.transform)


cdef inline void rescale_rows(
    const float[:, ::1] boxes, float[:, ::1] out, const Transform* transform
) noexcept nogil:
    cdef Py_ssize_t row
    cdef int column
    cdef float box[4]
    cdef float image_box[4]
    cdef bint is_left
    for row in range(boxes.shape[0]):
        for column in range(4):
            box[column] = boxes[row, column]
        is_left = to_image_box(transform, box, image_box)
        for column in range(4):
            out[row, column] = image_box[column] if is_left else 0
