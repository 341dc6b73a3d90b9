"""Decode rows of boxes, from networks that have chosen them themselves."""

from libc.stdint cimport int32_t, int64_t
from libc.string cimport memset

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
    pixels, confidence. labels: int32 or int64 [N] or [1, N]; None: all are of class 0.
    Rows with a confidence of 0 or less, or with a negative label, are unused and dropped.

    The other arguments and the result as in `decode_atss`.
    """
    cdef Array table
    cdef Array label_array
    cdef FilterOptions options = checked_options(min_confidence, iou_threshold, 0)
    cdef Py_ssize_t written
    cdef Scratch* scratch
    checked_outputs(boxes, confidences, class_ids)
    clear_array(&table)
    clear_array(&label_array)
    try:
        open_floats(&table, network_boxes, "network_boxes", 5)
        open_labels(&label_array, labels, table.rows)
        scratch = workspace.acquire(table.rows)
        try:
            with nogil:
                collect_boxes_labels(&table, &label_array, options.min_confidence, scratch)
                written = write_detections(
                    scratch, options, &placement.transform, boxes, confidences, class_ids
                )
        finally:
            workspace.release()
    finally:
        close_array(&table)
        close_array(&label_array)
    return written


def decode_boxes_scores(
    network_boxes,
    scores,
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
    """Decode boxes, scores and labels, as of RT-DETR, D-FINE and DEIM.

    network_boxes: float32 [N, 4] or [1, N, 4]: x_min, y_min, x_max, y_max, normalised to
    [0, 1] of the network's input. scores: float32 [N] or [1, N]. labels: int32 or int64
    [N] or [1, N]; None: all are of class 0. Rows with a score of 0 or less, or with a
    negative label, are dropped.

    The other arguments and the result as in `decode_atss`.
    """
    cdef Array table
    cdef Array score_array
    cdef Array label_array
    cdef const float* score_data
    cdef FilterOptions options = checked_options(min_confidence, iou_threshold, 0)
    cdef Py_ssize_t written
    cdef Scratch* scratch
    checked_outputs(boxes, confidences, class_ids)
    clear_array(&table)
    clear_array(&score_array)
    clear_array(&label_array)
    try:
        open_floats(&table, network_boxes, "network_boxes", 4)
        open_floats(&score_array, scores, "scores", 1)
        require_rows(&score_array, "scores", table.rows)
        open_labels(&label_array, labels, table.rows)
        score_data = <const float*> score_array.data
        scratch = workspace.acquire(table.rows)
        try:
            with nogil:
                collect_boxes_scores(
                    &table, score_data, &label_array, options.min_confidence, placement, scratch
                )
                written = write_detections(
                    scratch, options, &placement.transform, boxes, confidences, class_ids
                )
        finally:
            workspace.release()
    finally:
        close_array(&table)
        close_array(&score_array)
        close_array(&label_array)
    return written


cdef inline void clear_array(Array* array) noexcept:
    """Make an array of no data, which `close_array` may be called with."""
    memset(array, 0, sizeof(Array))


cdef int open_labels(Array* array, object labels, Py_ssize_t rows) except -1:
    """Open labels; None has no data. Raises ValueError if they are not `rows`."""
    if labels is not None:
        open_integers(array, labels, "labels")
        require_rows(array, "labels", rows)


cdef int require_rows(const Array* array, str name, Py_ssize_t rows) except -1:
    """Raise ValueError unless an array has as many rows as there are boxes."""
    if array.rows != rows:
        raise ValueError(f"{name} must be as many as the boxes, {rows}, not {array.rows}")


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


cdef void collect_boxes_scores(
    const Array* table,
    const float* scores,
    const Array* labels,
    float min_confidence,
    Placement placement,
    Scratch* scratch,
) noexcept nogil:
    """Append the normalised boxes that reach the confidence to the candidates."""
    cdef float width = placement.input_width
    cdef float height = placement.input_height
    cdef const float* row = <const float*> table.data
    cdef float box[4]
    cdef Py_ssize_t index
    cdef int64_t label
    for index in range(table.rows):
        label = integer(labels, index)
        if scores[index] > 0 and scores[index] >= min_confidence and label >= 0:
            box[0] = row[0] * width
            box[1] = row[1] * height
            box[2] = row[2] * width
            box[3] = row[3] * height
            add_candidate(scratch, box, scores[index], <int> label, index)
        row += 4


cdef inline int64_t integer(const Array* array, Py_ssize_t index) noexcept nogil:
    """A label, of int32 or int64, limited to the largest int32; 0 where there are none."""
    if array.data == NULL:
        return 0
    if array.item_size == 4:
        return (<const int32_t*> array.data)[index]
    return min((<const int64_t*> array.data)[index], <int64_t> 2147483647)
