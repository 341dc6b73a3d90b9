"""Greedy suppression: drop a box when a better one of its class overlaps it too much.

The rule, in float32 only, so that every path gives the same answer:
    inter > threshold * (area_a + area_b - inter)
which is IoU > threshold without the division (strictly greater: equal stays).

Whether a candidate is dropped does not depend on the order in which it is compared with
the kept boxes. So the first one compared is the kept box that suppressed the last
candidate of about the same position and size: `hints` stores it by a hash, and it is
right most of the time; `shifted_hints` has shifted cells, for candidates on both sides of
a border. Then, while the kept boxes are few, all are compared, block by block; later only
those of the neighbourhood, which `_bins` finds.
"""

from libc.math cimport INFINITY
from libc.stdint cimport int32_t
from libc.string cimport memset

from ._bins cimport NO_BOX, clear_bins, find_in_bins, overlaps, put_into_bins
from ._kernels cimport BLOCK, KeptBoxes, kernels
from ._workspace cimport KeptBox, Scratch, bits_for


cdef FilterOptions checked_options(
    double min_confidence, object iou_threshold, Py_ssize_t candidates_per_level
) except *:
    """The caller's filter options; ValueError for one outside its range."""
    cdef FilterOptions options
    options.min_confidence = checked_threshold(min_confidence, "min_confidence")
    options.iou_threshold = -1
    if iou_threshold is not None:
        options.iou_threshold = checked_threshold(iou_threshold, "iou_threshold")
    if candidates_per_level < 0:
        raise ValueError("candidates_per_level must not be negative")
    options.candidates_per_level = candidates_per_level
    return options


cdef float checked_threshold(double value, str name) except? -1:
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"{name} must be within [0, 1], not {value}")
    return <float> value


cdef void start_suppression(Scratch* scratch) noexcept nogil:
    """Remove all kept boxes, and size the tables for the candidates in the scratch."""
    scratch.kept_count = 0
    if scratch.count > FEW:
        scratch.table_bits = bits_for(scratch.count)
        memset(scratch.hints, 0xFF, sizeof(int32_t) << scratch.table_bits)
        memset(scratch.shifted_hints, 0xFF, sizeof(int32_t) << scratch.table_bits)
        kernels.hash_boxes(
            scratch.boxes, scratch.count, scratch.hashes, scratch.shifted_hashes
        )
    scratch.linear_limit = kernels.linear_limit
    if scratch.count > scratch.linear_limit:
        clear_bins(scratch)


cdef bint survives_all(
    Scratch* scratch, Py_ssize_t candidate, const KeptBox* box, float iou_threshold
) noexcept nogil:
    """The rest of `survives`, when the first hint did not suppress the candidate."""
    cdef int32_t unused = NO_BOX
    cdef int32_t* hint = &unused
    cdef int32_t* shifted_hint = &unused
    cdef int shift = 32 - scratch.table_bits
    cdef int32_t found = NO_BOX
    if scratch.count > FEW:
        hint = &scratch.hints[scratch.hashes[candidate] >> shift]
        shifted_hint = scratch.shifted_hints
        shifted_hint += scratch.shifted_hashes[candidate] >> shift
        found = shifted_hint[0]
        if found != NO_BOX and not overlaps(&scratch.kept[found], box, iou_threshold):
            found = NO_BOX
    if found == NO_BOX:
        found = suppressor(scratch, box, iou_threshold)
    hint[0] = shifted_hint[0] = scratch.kept_count if found == NO_BOX else found
    if found == NO_BOX:
        keep(scratch, box)
    return found == NO_BOX


cdef inline int32_t suppressor(
    const Scratch* scratch, const KeptBox* box, float threshold
) noexcept nogil:
    """The index of a kept box that suppresses this one, or NO_BOX."""
    if scratch.kept_count > scratch.linear_limit:
        return find_in_bins(scratch, box, threshold)
    return kernels.suppressor(
        &scratch.kept_boxes, scratch.kept_count, &box.x_min, box.class_id, threshold
    )


cdef inline void keep(Scratch* scratch, const KeptBox* box) noexcept nogil:
    """Add a box to those that suppress others."""
    scratch.kept[scratch.kept_count] = box[0]
    if scratch.kept_count < scratch.linear_limit:
        append_kept(scratch, box)
    if scratch.count > scratch.linear_limit:
        put_into_bins(scratch, <int32_t> scratch.kept_count)
    scratch.kept_count += 1


cdef inline void append_kept(Scratch* scratch, const KeptBox* box) noexcept nogil:
    cdef KeptBoxes* kept = &scratch.kept_boxes
    cdef Py_ssize_t slot = scratch.kept_count
    cdef Py_ssize_t rest
    if slot % BLOCK == 0:
        # Blocks are compared whole: fill this one with boxes that overlap nothing.
        for rest in range(slot, slot + BLOCK):
            kept.x_min[rest] = kept.y_min[rest] = INFINITY
            kept.x_max[rest] = kept.y_max[rest] = -INFINITY
            kept.class_id[rest] = 0
            kept.area[rest] = 0
    kept.x_min[slot] = box.x_min
    kept.y_min[slot] = box.y_min
    kept.x_max[slot] = box.x_max
    kept.y_max[slot] = box.y_max
    kept.class_id[slot] = box.class_id
    kept.area[slot] = box.area
