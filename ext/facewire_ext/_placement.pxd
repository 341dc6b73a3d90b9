"""Where an upright image lies in the network's input, for the other modules."""


cdef struct Transform:
    # Per axis of the pixels that the network saw: input = stored * scale + offset; and
    # one over the scale, as dividing takes long.
    double scale_x
    double scale_y
    double inverse_x
    double inverse_y
    double offset_x
    double offset_y
    # The upright image, in pixels.
    double width
    double height
    # The EXIF turn from stored to upright: first the axes trade places, then each
    # may run backwards.
    bint swap_axes
    bint flip_x
    bint flip_y


cdef class Placement:
    cdef Transform transform
    cdef readonly int input_width
    cdef readonly int input_height
    cdef readonly int image_width
    cdef readonly int image_height
    cdef readonly int orientation


cdef inline double clipped(double value, double limit) noexcept nogil:
    """`value` moved into [0, limit]."""
    return 0.0 if value < 0.0 else limit if value > limit else value


cdef inline void place_point(
    const Transform* transform, double x, double y, double* upright
) noexcept nogil:
    """Takes a point of the network's input to the upright image, unclipped."""
    cdef double stored_x = (x - transform.offset_x) * transform.inverse_x
    cdef double stored_y = (y - transform.offset_y) * transform.inverse_y
    cdef double turned_x = stored_y if transform.swap_axes else stored_x
    cdef double turned_y = stored_x if transform.swap_axes else stored_y
    upright[0] = transform.width - turned_x if transform.flip_x else turned_x
    upright[1] = transform.height - turned_y if transform.flip_y else turned_y


cdef inline bint place_box(
    const Transform* transform, const float* box, float* upright
) noexcept nogil:
    """Takes a box of the network's input to the upright image and clips it there.

    Returns whether anything of it is left. A turn may trade corners, so the smaller
    coordinate is found again; a NaN leaves nothing.
    """
    cdef double first[2]
    cdef double second[2]
    cdef int axis
    cdef double limit
    cdef bint ordered = box[0] <= box[2] and box[1] <= box[3]
    place_point(transform, box[0], box[1], first)
    place_point(transform, box[2], box[3], second)
    for axis in range(2):
        limit = transform.height if axis else transform.width
        upright[axis] = <float> clipped(min(first[axis], second[axis]), limit)
        upright[axis + 2] = <float> clipped(max(first[axis], second[axis]), limit)
    return ordered and upright[0] < upright[2] and upright[1] < upright[3]
