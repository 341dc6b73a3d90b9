"""Greedy suppression: a box goes when a better one of its class overlaps it too far.

The rule, in float32 and nothing else, so that every path gives the same answer:
    inter > threshold * (area_a + area_b - inter)
which is IoU > threshold without the division (strictly greater: equal stays).

Whether a candidate goes does not depend on the order in which the kept boxes are
asked. So in a crowd the box is asked first that felled the last candidate of about
the same place and size: `hints` remembers it, and it is right most of the time;
`shifted_hints` does where a border falls between the two. Then, while they are few,
all kept boxes are asked, block by block, and from then on only those of the
neighbourhood, which `_bins` finds.
"""

from libc.math cimport INFINITY
from libc.stdint cimport int32_t
from libc.string cimport memset

from ._bins cimport clear_bins, find_in_bins, put_into_bins
from ._kernels cimport BLOCK, Line, kernels
from ._overlap cimport NOBODY, overlaps
from ._workspace cimport KeptBox, Scratch, bits_for


cdef Rules checked_rules(
    double min_confidence, object iou_threshold, Py_ssize_t candidates_per_level
) except *:
    """The caller's limits; ValueError for one outside its range."""
    cdef Rules rules
    rules.min_confidence = checked_threshold(min_confidence, "min_confidence")
    rules.iou_threshold = -1
    if iou_threshold is not None:
        rules.iou_threshold = checked_threshold(iou_threshold, "iou_threshold")
    if candidates_per_level < 0:
        raise ValueError("candidates_per_level must not be negative")
    rules.candidates_per_level = candidates_per_level
    return rules


cdef float checked_threshold(double value, str name) except? -1:
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"{name} must be within [0, 1], not {value}")
    return <float> value


cdef void start_suppression(Scratch* scratch) noexcept nogil:
    """Forgets what was kept, for the candidates that the scratch now holds."""
    scratch.kept_count = 0
    if scratch.count > FEW:
        scratch.table_bits = bits_for(scratch.count)
        memset(scratch.hints, 0xFF, sizeof(int32_t) << scratch.table_bits)
        memset(scratch.shifted_hints, 0xFF, sizeof(int32_t) << scratch.table_bits)
        kernels.hash_boxes(
            scratch.boxes, scratch.count, scratch.hashes, scratch.shifted_hashes
        )
    scratch.line_limit = kernels.line
    if scratch.count > scratch.line_limit:
        clear_bins(scratch)


cdef bint survives_all(
    Scratch* scratch, Py_ssize_t candidate, const KeptBox* box, float iou_threshold
) noexcept nogil:
    """What `survives` asks when the first hint was wrong."""
    cdef int32_t nobody = NOBODY
    cdef int32_t* hint = &nobody
    cdef int32_t* shifted_hint = &nobody
    cdef int shift = 32 - scratch.table_bits
    cdef int32_t found = NOBODY
    if scratch.count > FEW:
        hint = &scratch.hints[scratch.hashes[candidate] >> shift]
        shifted_hint = scratch.shifted_hints
        shifted_hint += scratch.shifted_hashes[candidate] >> shift
        found = shifted_hint[0]
        if found != NOBODY and not overlaps(&scratch.kept[found], box, iou_threshold):
            found = NOBODY
    if found == NOBODY:
        found = suppressor(scratch, box, iou_threshold)
    hint[0] = shifted_hint[0] = scratch.kept_count if found == NOBODY else found
    if found == NOBODY:
        keep(scratch, box)
    return found == NOBODY


cdef inline int32_t suppressor(
    const Scratch* scratch, const KeptBox* box, float threshold
) noexcept nogil:
    """A kept box that suppresses this one, or nobody."""
    if scratch.kept_count > scratch.line_limit:
        return find_in_bins(scratch, box, threshold)
    return kernels.suppressor(
        &scratch.line, scratch.kept_count, &box.x_min, box.class_id, threshold
    )


cdef inline void keep(Scratch* scratch, const KeptBox* box) noexcept nogil:
    scratch.kept[scratch.kept_count] = box[0]
    if scratch.kept_count < scratch.line_limit:
        append_to_line(scratch, box)
    if scratch.count > scratch.line_limit:
        put_into_bins(scratch, <int32_t> scratch.kept_count)
    scratch.kept_count += 1


cdef inline void append_to_line(Scratch* scratch, const KeptBox* box) noexcept nogil:
    cdef Line* line = &scratch.line
    cdef Py_ssize_t slot = scratch.kept_count
    cdef Py_ssize_t rest
    if slot % BLOCK == 0:
        # A block is compared whole: boxes that overlap none fill it up.
        for rest in range(slot, slot + BLOCK):
            line.x_min[rest] = line.y_min[rest] = INFINITY
            line.x_max[rest] = line.y_max[rest] = -INFINITY
            line.class_id[rest] = 0
            line.area[rest] = 0
    line.x_min[slot] = box.x_min
    line.y_min[slot] = box.y_min
    line.x_max[slot] = box.x_max
    line.y_max[slot] = box.y_max
    line.class_id[slot] = box.class_id
    line.area[slot] = box.area
