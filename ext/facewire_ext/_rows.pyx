"""Decoders of networks that have suppressed already and return rows of boxes."""

from libc.stdint cimport int32_t, int64_t

from ._arrays cimport Array, close_array, open_floats, open_integers
from ._candidates cimport add_candidate
from ._detections cimport checked_outputs, return_detections
from ._placement cimport Placement
from ._suppression cimport Rules, checked_rules
from ._workspace cimport Scratch, Workspace


def decode_ssd(
    rows,
    float[:, ::1] boxes not None,
    float[::1] confidences not None,
    int[::1] class_ids not None,
    *,
    Placement placement not None,
    double min_confidence,
    iou_threshold=None,
    Workspace workspace not None,
):
    """Reads SSD rows, the output of OpenVINO's DetectionOutput.

    rows: float32 [N, 7] or [1, 1, N, 7]: image_id, label, confidence, x_min, y_min,
    x_max, y_max, normalised to [0, 1] of the network's input. The first row whose
    image_id is negative ends the list; rows with a negative label are dropped.

    The rest, and what is returned, as in `decode_atss`.
    """
    cdef Array table
    cdef Rules rules = checked_rules(min_confidence, iou_threshold, 0)
    cdef Py_ssize_t written
    cdef Scratch* scratch
    checked_outputs(boxes, confidences, class_ids)
    open_floats(&table, rows, "rows", 7)
    try:
        scratch = workspace.borrow(table.rows)
        try:
            with nogil:
                collect_ssd(&table, rules.min_confidence, placement, scratch)
                written = return_detections(
                    scratch, rules, &placement.transform, boxes, confidences, class_ids
                )
        finally:
            workspace.give_back()
    finally:
        close_array(&table)
    return written


def decode_boxes_labels(
    network_boxes,
    labels,
    float[:, ::1] boxes not None,
    float[::1] confidences not None,
    int[::1] class_ids not None,
    *,
    Placement placement not None,
    double min_confidence,
    iou_threshold=None,
    Workspace workspace not None,
):
    """Reads boxes and labels, as of face-detection-0205 and -0206.

    network_boxes: float32 [N, 5] or [1, N, 5]: x_min, y_min, x_max, y_max in input
    pixels, confidence. labels: int32 or int64 [N] or [1, N]. Rows with a confidence
    of 0 or less, or with a negative label, are unused and dropped.

    The rest, and what is returned, as in `decode_atss`.
    """
    cdef Array table
    cdef Array names
    cdef Rules rules = checked_rules(min_confidence, iou_threshold, 0)
    cdef Py_ssize_t written
    cdef Scratch* scratch
    checked_outputs(boxes, confidences, class_ids)
    open_floats(&table, network_boxes, "network_boxes", 5)
    try:
        open_integers(&names, labels, "labels")
        try:
            if names.rows != table.rows:
                raise ValueError(
                    f"labels must be as many as the boxes, {table.rows}, "
                    f"not {names.rows}"
                )
            scratch = workspace.borrow(table.rows)
            try:
                with nogil:
                    collect_rows(&table, &names, rules.min_confidence, scratch)
                    written = return_detections(
                        scratch,
                        rules,
                        &placement.transform,
                        boxes,
                        confidences,
                        class_ids,
                    )
            finally:
                workspace.give_back()
        finally:
            close_array(&names)
    finally:
        close_array(&table)
    return written


cdef void collect_ssd(
    const Array* table, float min_confidence, Placement placement, Scratch* scratch
) noexcept nogil:
    cdef float width = placement.input_width
    cdef float height = placement.input_height
    cdef const float* row = <const float*> table.data
    cdef float box[4]
    cdef Py_ssize_t index
    for index in range(table.rows):
        if row[0] < 0:
            break
        if row[1] >= 0 and row[2] >= min_confidence:
            box[0] = row[3] * width
            box[1] = row[4] * height
            box[2] = row[5] * width
            box[3] = row[6] * height
            add_candidate(scratch, box, row[2], label_of(row[1]), index)
        row += 7


cdef inline int label_of(float label) noexcept nogil:
    """A float label as an integer, also where it is beyond all integers."""
    return <int> label if label < <float> 2147483648.0 else 2147483647


cdef void collect_rows(
    const Array* table, const Array* names, float min_confidence, Scratch* scratch
) noexcept nogil:
    cdef const float* row = <const float*> table.data
    cdef Py_ssize_t index
    cdef int64_t label
    for index in range(table.rows):
        label = integer(names, index)
        if row[4] > 0 and row[4] >= min_confidence and label >= 0:
            add_candidate(scratch, row, row[4], <int> label, index)
        row += 5


cdef inline int64_t integer(const Array* array, Py_ssize_t index) noexcept nogil:
    if array.item_size == 4:
        return (<const int32_t*> array.data)[index]
    return min((<const int64_t*> array.data)[index], <int64_t> 2147483647)
