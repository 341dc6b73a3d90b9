"""The rule of suppression for two boxes, in float32; see `_suppression`."""

from ._workspace cimport KeptBox

cdef enum:
    NOBODY = -1


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
