"""From candidates to detections: the second half of every decoder."""

from ._placement cimport Transform
from ._suppression cimport FilterOptions
from ._workspace cimport Scratch


cdef Py_ssize_t checked_outputs(
    float[:, ::1] boxes, float[::1] confidences, int[::1] class_ids
) except -1

cdef Py_ssize_t write_detections(
    Scratch* scratch,
    FilterOptions options,
    const Transform* transform,
    float[:, ::1] boxes,
    float[::1] confidences,
    int[::1] class_ids,
) noexcept nogil
