"""Greedy suppression, one candidate at a time, inlined by the other modules."""

from libc.stdint cimport int32_t
from libc.string cimport memcpy

from ._bins cimport NO_BOX, overlaps
from ._workspace cimport KeptBox, Scratch

cdef enum:
    # Up to this many candidates are suppressed without tables of hints.
    FEW = 64


cdef struct FilterOptions:
    float min_confidence
    # Negative: no suppression.
    float iou_threshold
    Py_ssize_t candidates_per_level


cdef FilterOptions checked_options(
    double min_confidence, object iou_threshold, Py_ssize_t candidates_per_level
) except *
cdef float checked_threshold(double value, str name) except? -1
cdef void start_suppression(Scratch* scratch) noexcept nogil
cdef bint survives_all(
    Scratch* scratch, Py_ssize_t candidate, const KeptBox* box, float iou_threshold
) noexcept nogil


cdef inline bint survives(
    Scratch* scratch, Py_ssize_t candidate, float iou_threshold
) noexcept nogil:
    """Whether no kept box suppresses this candidate; if so, it is kept itself.

    Candidates must come by descending confidence.
    """
    cdef KeptBox box
    cdef int32_t hint
    cdef int shift = 32 - scratch.table_bits
    memcpy(&box, scratch.boxes + 4 * candidate, 4 * sizeof(float))
    box.area = (box.x_max - box.x_min) * (box.y_max - box.y_min)
    box.class_id = scratch.class_id[candidate]
    if scratch.count > FEW:
        hint = scratch.hints[scratch.hashes[candidate] >> shift]
        if hint != NO_BOX and overlaps(&scratch.kept[hint], &box, iou_threshold):
            return False
    return survives_all(scratch, candidate, &box, iou_threshold)
