"""Decode rows of boxes, from networks that have suppressed overlaps themselves."""

from libc.stdint cimport int32_t, int64_t

from ._arrays cimport Array, close_array, open_floats, open_integers
from ._candidates cimport add_candidate, label_of
from ._detections cimport checked_outputs, write_detections
from ._placement cimport Placement
from ._suppression cimport FilterOptions, checked_options
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
    """Decode SSD rows, the output of OpenVINO's DetectionOutput.

    rows: float32 [N, 7] or [1, 1, N, 7]: image_id, label, confidence, x_min, y_min,
    x_max, y_max, normalised to [0, 1] of the network's input. The first row whose
    image_id is negative ends the list; rows with a negative label are dropped.

    The other arguments and the result as in `decode_atss`.
    """
    cdef Array table
    cdef FilterOptions options = checked_options(min_confidence, iou_threshold, 0)
    cdef Py_ssize_t written
    cdef Scratch* scratch
    checked_outputs(boxes, confidences, class_ids)
    open_floats(&table, rows, "rows", 7)
    try:
        scratch = workspace.acquire(table.rows)
        try:
            with nogil:
                collect_ssd(&table, options.min_confidence, placement, scratch)
                written = write_detections(
                    scratch, options, &placement.transform, boxes, confidences, class_ids
                )
        finally:
            workspace.release()
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
    """Decode boxes and labels, as of face-detection-0205 and -0206.

    network_boxes: float32 [N, 5] or [1, N, 5]: x_min, y_min, x_max, y_max in input
    pixels, confidence. labels: int32 or int64 [N] or [1, N]. Rows with a confidence
    of 0 or less, or with a negative label, are unused and dropped.

    The other arguments and the result as in `decode_atss`.
    """
    cdef Array table
    cdef Array label_array
    cdef FilterOptions options = checked_options(min_confidence, iou_threshold, 0)
    cdef Py_ssize_t written
    cdef Scratch* scratch
    checked_outputs(boxes, confidences, class_ids)
    open_floats(&table, network_boxes, "network_boxes", 5)
    try:
        open_integers(&label_array, labels, "labels")
        try:
            if label_array.rows != table.rows:
                raise ValueError(
                    f"labels must be as many as the boxes, {table.rows}, "
                    f"not {label_array.rows}"
                )
            scratch = workspace.acquire(table.rows)
            try:
                with nogil:
                    collect_boxes_labels(&table, &label_array, options.min_confidence, scratch)
                    written = write_detections(
                        scratch,
                        options,
                        &placement.transform,
                        boxes,
                        confidences,
                        class_ids,
                    )
            finally:
                workspace.release()
        finally:
            close_array(&label_array)
    finally:
        close_array(&table)
    return written


cdef void collect_ssd(
    const Array* table, float min_confidence, Placement placement, Scratch* scratch
) noexcept nogil:
    """Append the SSD rows that reach the confidence to the candidates."""
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


cdef void collect_boxes_labels(
    const Array* table, const Array* labels, float min_confidence, Scratch* scratch
) noexcept nogil:
    """Append the rows of boxes that reach the confidence to the candidates."""
    cdef const float* row = <const float*> table.data
    cdef Py_ssize_t index
    cdef int64_t label
    for index in range(table.rows):
        label = integer(labels, index)
        if row[4] > 0 and row[4] >= min_confidence and label >= 0:
            add_candidate(scratch, row, row[4], <int> label, index)
        row += 5


cdef inline int64_t integer(const Array* array, Py_ssize_t index) noexcept nogil:
    """An element of an int32 or int64 array, limited to the largest int32."""
    if array.item_size == 4:
        return (<const int32_t*> array.data)[index]
    return min((<const int64_t*> array.data)[index], <int64_t> 2147483647)
