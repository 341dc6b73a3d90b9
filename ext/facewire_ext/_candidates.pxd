"""Append candidates to the scratch: one by one, or all that a kernel has found.

Rule: a candidate has a confidence, and a box with an area and without a NaN.
"""

from libc.math cimport INFINITY, log
from libc.stdint cimport int32_t

from ._kernels cimport COORDINATE_LIMIT, SHORTEST_SIDE
from ._workspace cimport Scratch


cdef inline float clamped(float coordinate) noexcept nogil:
    """`coordinate` limited to COORDINATE_LIMIT either way; a NaN stays one."""
    if coordinate < -COORDINATE_LIMIT:
        return -COORDINATE_LIMIT
    return COORDINATE_LIMIT if coordinate > COORDINATE_LIMIT else coordinate


cdef inline float lowest_logit(double probability) noexcept nogil:
    """A logit below which its sigmoid does not reach this probability.

    Lowered a little for rounding: a location skipped here would be lost, one kept is
    compared again by its confidence.
    """
    probability *= 1 - 1e-5
    if probability <= 0:
        return -INFINITY
    return <float> (log(probability / (1 - probability)) - 1e-4)


cdef inline int32_t label_of(float label) noexcept nogil:
    """A float label as an integer, limited to the largest one."""
    return <int32_t> label if label < <float> 2147483648.0 else 2147483647


cdef inline bint has_area(const float* box) noexcept nogil:
    """Whether both sides are longer than SHORTEST_SIDE; False for a NaN in them."""
    return box[2] - box[0] > SHORTEST_SIDE and box[3] - box[1] > SHORTEST_SIDE


cdef inline void add_candidate(
    Scratch* scratch,
    const float* box,
    float confidence,
    int32_t class_id,
    Py_ssize_t location,
) noexcept nogil:
    """Append one candidate, unless its box has no area."""
    cdef Py_ssize_t slot = scratch.count
    cdef float* clamped_box = scratch.boxes + 4 * slot
    cdef int side
    for side in range(4):
        clamped_box[side] = clamped(box[side])
    scratch.class_id[slot] = class_id
    scratch.confidence[slot] = confidence
    scratch.location[slot] = <int32_t> location
    scratch.count += has_area(clamped_box)


cdef inline Py_ssize_t drop_below(
    Scratch* scratch, Py_ssize_t found, float min_confidence
) noexcept nogil:
    """Drop those below the confidence from the `found` entries behind the candidates.

    Their locations and confidences are in the scratch already. A NaN is dropped, too.
    Returns how many remain.
    """
    cdef float* confidence = scratch.confidence + scratch.count
    cdef int32_t* location = scratch.location + scratch.count
    cdef Py_ssize_t kept = 0
    cdef Py_ssize_t index
    for index in range(found):
        confidence[kept] = confidence[index]
        location[kept] = location[index]
        # No branch: which ones are kept cannot be predicted.
        kept += confidence[index] >= min_confidence
    return kept


cdef inline void move_candidate(
    Scratch* scratch, Py_ssize_t source, Py_ssize_t slot
) noexcept nogil:
    """Copy the candidate at index `source` to index `slot`."""
    cdef int side
    for side in range(4):
        scratch.boxes[4 * slot + side] = scratch.boxes[4 * source + side]
    scratch.class_id[slot] = scratch.class_id[source]
    scratch.confidence[slot] = scratch.confidence[source]
    scratch.location[slot] = scratch.location[source]


cdef inline void append_candidates(
    Scratch* scratch, Py_ssize_t found, int32_t class_id, bint all_have_areas
) noexcept nogil:
    """Make candidates of the `found` entries behind them, unless their box has no area."""
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
