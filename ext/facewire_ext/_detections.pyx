"""The second half of every decoder: candidates in, detections out.

Sorts by confidence, suppresses, takes what is kept to the upright image, clips it
there, and writes what is left into the caller's arrays.
"""

from libc.stdint cimport uint32_t

from ._arrays cimport require_aligned
from ._order cimport sort_descending
from ._placement cimport Transform, place_box
from ._suppression cimport Rules, start_suppression, survives
from ._workspace cimport Scratch


cdef Py_ssize_t checked_outputs(
    float[:, ::1] boxes, float[::1] confidences, int[::1] class_ids
) except -1:
    """How many detections the caller's arrays have room for."""
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


cdef Py_ssize_t return_detections(
    Scratch* scratch,
    Rules rules,
    const Transform* transform,
    float[:, ::1] boxes,
    float[::1] confidences,
    int[::1] class_ids,
) noexcept nogil:
    """Writes the detections, best first, and says how many.

    `scratch.returned` then holds the candidate that each row was.
    """
    cdef Py_ssize_t written = 0
    cdef Py_ssize_t position
    cdef Py_ssize_t candidate
    cdef bint suppressing = rules.iou_threshold >= 0
    sort_descending(scratch)
    if suppressing:
        start_suppression(scratch)
    for position in range(scratch.count):
        if written == boxes.shape[0]:
            break
        candidate = <uint32_t> scratch.keys[position]
        if suppressing and not survives(scratch, candidate, rules.iou_threshold):
            continue
        if write_box(scratch.boxes + 4 * candidate, transform, boxes, written):
            confidences[written] = scratch.confidence[candidate]
            class_ids[written] = scratch.class_id[candidate]
            scratch.returned[written] = <int> candidate
            written += 1
    return written


cdef inline bint write_box(
    const float* box, const Transform* transform, float[:, ::1] boxes, Py_ssize_t row
) noexcept nogil:
    """Writes a candidate's box in the upright image; False when none of it is in."""
    cdef float upright[4]
    cdef int column
    if not place_box(transform, box, upright):
        return False
    for column in range(4):
        boxes[row, column] = upright[column]
    return True
