"""The geometry of a `Placement`, inlined by the other modules."""


cdef struct Transform:
    # input = image * scale + offset, per axis; and one over the scale, because a
    # division takes longer than a multiplication.
    double scale_x
    double scale_y
    double inverse_x
    double inverse_y
    double offset_x
    double offset_y
    # The size of the image in pixels.
    double width
    double height


cdef class Placement:
    cdef Transform transform
    cdef readonly int input_width
    cdef readonly int input_height
    cdef readonly int image_width
    cdef readonly int image_height


cdef inline double clipped(double value, double limit) noexcept nogil:
    """`value` moved into [0, limit]."""
    return 0.0 if value < 0.0 else limit if value > limit else value


cdef inline double image_x(const Transform* transform, double x) noexcept nogil:
    """An x coordinate of the network's input in pixels of the image, unclipped."""
    return (x - transform.offset_x) * transform.inverse_x


cdef inline double image_y(const Transform* transform, double y) noexcept nogil:
    """A y coordinate of the network's input in pixels of the image, unclipped."""
    return (y - transform.offset_y) * transform.inverse_y


cdef inline bint to_image_box(
    const Transform* transform, const float* box, float* image_box
) noexcept nogil:
    """Map a box of the network's input to the image and clip it there.

    Returns whether anything of it is left: a NaN, or corners in the wrong order, leave
    nothing.
    """
    image_box[0] = <float> clipped(image_x(transform, box[0]), transform.width)
    image_box[1] = <float> clipped(image_y(transform, box[1]), transform.height)
    image_box[2] = <float> clipped(image_x(transform, box[2]), transform.width)
    image_box[3] = <float> clipped(image_y(transform, box[3]), transform.height)
    return image_box[0] < image_box[2] and image_box[1] < image_box[3]
