"""Taking candidates into the scratch: one by one, or by the lot that a kernel found.

Rule: what is taken in has a confidence, and a box with an area and without a NaN.
"""

from libc.stdint cimport int32_t

from ._kernels cimport COORDINATE_LIMIT, SHORTEST_SIDE
from ._workspace cimport Scratch


cdef inline float limited(float coordinate) noexcept nogil:
    """`coordinate` within the limit either way; a NaN stays one."""
    if coordinate < -COORDINATE_LIMIT:
        return -COORDINATE_LIMIT
    return COORDINATE_LIMIT if coordinate > COORDINATE_LIMIT else coordinate


cdef inline bint has_area(const float* box) noexcept nogil:
    """Whether both sides are long enough; with a NaN in them they are not."""
    return box[2] - box[0] > SHORTEST_SIDE and box[3] - box[1] > SHORTEST_SIDE


cdef inline void add_candidate(
    Scratch* scratch,
    const float* box,
    float confidence,
    int32_t class_id,
    Py_ssize_t location,
) noexcept nogil:
    """Takes in one candidate, unless its box has no area."""
    cdef Py_ssize_t slot = scratch.count
    cdef float* taken = scratch.boxes + 4 * slot
    cdef int side
    for side in range(4):
        taken[side] = limited(box[side])
    scratch.class_id[slot] = class_id
    scratch.confidence[slot] = confidence
    scratch.location[slot] = <int32_t> location
    scratch.count += has_area(taken)


cdef inline Py_ssize_t drop_low(
    Scratch* scratch, Py_ssize_t found, float min_confidence
) noexcept nogil:
    """Of the next `found`, whose locations and confidences are known, drops those
    under the confidence (a NaN is); returns how many are left."""
    cdef float* confidence = scratch.confidence + scratch.count
    cdef int32_t* location = scratch.location + scratch.count
    cdef Py_ssize_t left = 0
    cdef Py_ssize_t index
    for index in range(found):
        confidence[left] = confidence[index]
        location[left] = location[index]
        left += confidence[index] >= min_confidence
    return left


cdef inline void move_candidate(
    Scratch* scratch, Py_ssize_t source, Py_ssize_t target
) noexcept nogil:
    cdef int side
    for side in range(4):
        scratch.boxes[4 * target + side] = scratch.boxes[4 * source + side]
    scratch.class_id[target] = scratch.class_id[source]
    scratch.confidence[target] = scratch.confidence[source]
    scratch.location[target] = scratch.location[source]


cdef inline void take_in(
    Scratch* scratch, Py_ssize_t found, int32_t class_id, bint all_have_areas
) noexcept nogil:
    """Takes in the next `found` candidates, but those whose box has no area."""
    cdef Py_ssize_t first = scratch.count
    cdef Py_ssize_t index
    for index in range(first, first + found):
        scratch.class_id[index] = class_id
    if all_have_areas:
        scratch.count += found
        return
    for index in range(first, first + found):
        move_candidate(scratch, index, scratch.count)
        scratch.count += has_area(scratch.boxes + 4 * scratch.count)
