"""Greedy non-maximum suppression of boxes from any source."""

from libc.stdint cimport uint32_t

from ._arrays cimport Array, close_array, open_integers
from ._suppression_inputs cimport check_inputs, collect, set_index
from ._order cimport sort_descending
from ._suppression cimport checked_threshold, start_suppression, survives
from ._workspace cimport Scratch, Workspace


def nms(
    const float[:, ::1] boxes not None,
    const float[::1] confidences not None,
    keep,
    *,
    double iou_threshold,
    const int[::1] class_ids=None,
    Workspace workspace=None,
):
    """Suppress overlapping boxes greedily (non-maximum suppression).

    boxes: float32 [N, 4], x_min, y_min, x_max, y_max. confidences: float32 [N], on
    any scale. class_ids: int32 [N]; only boxes of one class suppress each other.
    keep: int32 or int64 [K], written: the indices of the best boxes that stay, by
    descending confidence; of equal confidences the lower index comes first.
    iou_threshold: [0, 1]; a box is dropped when its IoU with a better one is greater.
    workspace: scratch memory to reuse; None: a new one.

    Rows with a NaN and boxes without area are dropped. Coordinates are limited to
    2**20 either way. Returns the number of indices written. The GIL is released.
    Raises ValueError when shapes, types or the threshold do not fit.
    """
    cdef Array indices
    cdef Scratch* scratch
    cdef Py_ssize_t written
    cdef float threshold = checked_threshold(iou_threshold, "iou_threshold")
    check_inputs(boxes, confidences, class_ids)
    if workspace is None:
        workspace = Workspace()
    open_integers(&indices, keep, "keep", writable=True)
    try:
        scratch = workspace.acquire(boxes.shape[0])
        try:
            with nogil:
                collect(boxes, confidences, class_ids, scratch)
                written = greedy(scratch, threshold, &indices)
        finally:
            workspace.release()
    finally:
        close_array(&indices)
    return written


cdef Py_ssize_t greedy(
    Scratch* scratch, float iou_threshold, const Array* keep
) noexcept nogil:
    """Write the indices of the candidates that survive; return how many."""
    cdef Py_ssize_t position
    cdef Py_ssize_t candidate
    cdef Py_ssize_t written = 0
    sort_descending(scratch)
    start_suppression(scratch)
    for position in range(scratch.count):
        if written == keep.rows:
            break
        candidate = <uint32_t> scratch.keys[position]
        if survives(scratch, candidate, iou_threshold):
            set_index(keep, written, scratch.location[candidate])
            written += 1
    return written
