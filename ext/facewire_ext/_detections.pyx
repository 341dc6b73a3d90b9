"""From candidates to detections: the second half of every decoder.

Candidates are sorted by confidence and suppressed; those that are kept are mapped to the
upright image, clipped there, and written to the caller's arrays.
"""

from libc.stdint cimport uint32_t

from ._arrays cimport require_aligned
from ._order cimport sort_descending
from ._placement cimport Transform, to_image_box
from ._suppression cimport FilterOptions, start_suppression, survives
from ._workspace cimport Scratch


cdef Py_ssize_t checked_outputs(
    float[:, ::1] boxes, float[::1] confidences, int[::1] class_ids
) except -1:
    """The number of detections that the caller's arrays have room for.

    Raises ValueError for arrays that do not fit together.
    """
    cdef Py_ssize_t room = boxes.shape[0]
    if boxes.shape[1] != 4:
        raise ValueError(f"boxes must have 4 columns, not {boxes.shape[1]}")
    if confidences.shape[0] != room or class_ids.shape[0] != room:
        raise ValueError(
            f"boxes, confidences and class_ids must be of one length, not {room}, "
            f"{confidences.shape[0]} and {class_ids.shape[0]}"
        )
    if room > 0:
        require_aligned(&boxes[0, 0], "boxes")
        require_aligned(&confidences[0], "confidences")
        require_aligned(<float*> &class_ids[0], "class_ids")
    return room


cdef Py_ssize_t write_detections(
    Scratch* scratch,
    FilterOptions options,
    const Transform* transform,
    float[:, ::1] boxes,
    float[::1] confidences,
    int[::1] class_ids,
) noexcept nogil:
    """Write the detections, best first, and return how many.

    `scratch.written` then holds the candidate of each row.
    """
    cdef Py_ssize_t written = 0
    cdef Py_ssize_t position
    cdef Py_ssize_t candidate
    cdef bint suppresses = options.iou_threshold >= 0
    sort_descending(scratch)
    if suppresses:
        start_suppression(scratch)
    for position in range(scratch.count):
        if written == boxes.shape[0]:
            break
        candidate = <uint32_t> scratch.keys[position]
        if suppresses and not survives(scratch, candidate, options.iou_threshold):
            continue
        if write_box(scratch.boxes + 4 * candidate, transform, boxes, written):
            confidences[written] = scratch.confidence[candidate]
            class_ids[written] = scratch.class_id[candidate]
            scratch.written[written] = <int> candidate
            written += 1
    return written


cdef inline bint write_box(
    const float* box, const Transform* transform, float[:, ::1] boxes, Py_ssize_t row
) noexcept nogil:
    """Write a candidate's box in the upright image; False when none of it is inside."""
    cdef float image_box[4]
    cdef int column
    if not to_image_box(transform, box, image_box):
        return False
    for column in range(4):
        boxes[row, column] = image_box[column]
    return True
