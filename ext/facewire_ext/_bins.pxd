"""The overlap rule in float32 (see `_suppression.pyx`), and kept boxes in bins."""

from libc.stdint cimport int32_t

from ._workspace cimport KeptBox, Scratch

cdef enum:
    NO_BOX = -1


cdef inline bint overlaps(
    const KeptBox* kept, const KeptBox* box, float threshold
) noexcept nogil:
    """Whether `kept` suppresses `box`."""
    cdef float width = min(box.x_max, kept.x_max) - max(box.x_min, kept.x_min)
    cdef float height = min(box.y_max, kept.y_max) - max(box.y_min, kept.y_min)
    cdef float inter
    if width <= 0 or height <= 0 or kept.class_id != box.class_id:
        return False
    inter = width * height
    return inter > threshold * (box.area + kept.area - inter)


cdef void clear_bins(Scratch* scratch) noexcept nogil
cdef void put_into_bins(Scratch* scratch, int32_t index) noexcept nogil
cdef int32_t find_in_bins(
    const Scratch* scratch, const KeptBox* box, float threshold
) noexcept nogil
