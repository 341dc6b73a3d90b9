"""The second half of every decoder, for the decoders."""

from ._placement cimport Transform
from ._suppression cimport Rules
from ._workspace cimport Scratch


cdef Py_ssize_t checked_outputs(
    float[:, ::1] boxes, float[::1] confidences, int[::1] class_ids
) except -1

cdef Py_ssize_t return_detections(
    Scratch* scratch,
    Rules rules,
    const Transform* transform,
    float[:, ::1] boxes,
    float[::1] confidences,
    int[::1] class_ids,
) noexcept nogil
