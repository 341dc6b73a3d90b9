"""Decode the output of a YOLO: rows that the network has decoded to pixels itself.

A row is a box, its scores and, if the network has them, five landmarks. Which columns
are what differs by version, and is told by the caller; the networks are read as their
own suppression reads them: `non_max_suppression` of Ultralytics (YOLOv5, v8, v11),
`non_max_suppression_face` of yolov5-face, and yolov7-face's.
"""

cimport cython
from libc.stdint cimport int32_t

from ._arrays cimport require_aligned
from ._candidates cimport add_candidate, label_of
from ._detections cimport checked_outputs, write_detections
from ._kernels cimport kernels
from ._landmarks cimport LANDMARKS, require_landmarks, write_landmark
from ._levels cimport bound_view, require_shape
from ._placement cimport Placement, Transform
from ._suppression cimport FilterOptions, checked_options
from ._workspace cimport Scratch, Workspace

cdef enum:
    ABSENT = -1


@cython.final
cdef class YoloRows:
    """The output array of a YOLO, bound once and decoded many times.

    table: float32, C-contiguous, with or without leading axes of 1: [N, C], or [C, N] if
    `transposed`. It is kept alive, not copied. Columns 0 to 3 are the box in input
    pixels: centre x and y, width, height; or its corners, if `corners`.
    classes, scores: so many columns, from this one on, are the classes' probabilities.
    objectness: the column of a probability by which the class's is multiplied.
    class_column: the column of the class, if there is one probability for all classes.
    landmarks: the first column of the landmarks, x and y of each; the next one begins
    `landmark_step` columns on, 2 or more.
    -1 stands for a column that the network does not have.

    Raises ValueError when shape, type or columns do not fit, TypeError for an argument
    that is no array.
    """

    cdef memoryview held
    cdef const float* data
    # How many numbers apart the rows, and the columns, are.
    cdef Py_ssize_t row_step
    cdef Py_ssize_t column_step
    cdef readonly Py_ssize_t rows
    cdef int classes
    cdef int scores
    cdef int objectness
    cdef int class_column
    cdef int landmarks
    cdef int landmark_step
    cdef bint corners

    def __init__(
        self,
        table,
        *,
        bint transposed,
        int scores,
        int classes=1,
        int objectness=ABSENT,
        int class_column=ABSENT,
        int landmarks=ABSENT,
        int landmark_step=2,
        bint corners=False,
    ):
        self.held = bound_view(table, "table")
        require_shape(self.held, "table", (None, None))
        *_, rows, columns = self.held.shape
        if transposed:
            rows, columns = columns, rows
        if rows >= 1 << 24:
            raise ValueError("the table must have fewer than 2**24 rows")
        last = [3, <Py_ssize_t> scores + classes - 1, objectness, class_column]
        if landmarks >= 0:
            last.append(landmarks + (LANDMARKS - 1) * <Py_ssize_t> landmark_step + 1)
        if max(last) >= columns or min(classes, scores, landmark_step - 1) < 1:
            raise ValueError(f"these columns are not in a table of {columns}")
        self.rows = rows
        self.row_step, self.column_step = (1, rows) if transposed else (columns, 1)
        self.classes, self.scores = classes, scores
        self.objectness, self.class_column = objectness, class_column
        self.landmarks, self.landmark_step = landmarks, landmark_step
        self.corners = corners
        self._bind()

    def _bind(self):
        cdef const float[::1] values
        if self.held.nbytes:
            values = self.held.cast("B").cast("f")
            require_aligned(&values[0], "table")
            self.data = &values[0]


def decode_yolo(
    YoloRows rows not None,
    float[:, ::1] boxes not None,
    float[::1] confidences not None,
    int[::1] class_ids not None,
    float[:, ::1] landmarks=None,
    *,
    Placement placement not None,
    double min_confidence,
    iou_threshold=None,
    Workspace workspace not None,
):
    """Decode a YOLO's rows into detections of the upright image.

    Each row is at most one detection, of its most probable class (the first of equals).
    The confidence is that probability, times the objectness where there is one, which
    must reach `min_confidence` itself, too.

    landmarks: float32 [K, 10], written: x and y of five points in pixels of the upright
    image, not clipped, in the network's order. None: they are not wanted. A NaN among a
    face's landmarks drops the face, as one in its box or its scores does; so does a
    negative class.

    The rest as in `decode_atss`; of equal confidences the lower class, then the first row
    comes first, or only the first row where the network has objectness or classes in a
    column.
    """
    cdef FilterOptions options = checked_options(min_confidence, iou_threshold, 0)
    cdef Py_ssize_t room = checked_outputs(boxes, confidences, class_ids)
    cdef Py_ssize_t written
    cdef Py_ssize_t row
    if landmarks is not None:
        require_landmarks(landmarks, room)
        if rows.landmarks < 0:
            raise ValueError("the rows have no landmarks")
    # A scan needs room for all rows behind the candidates of the classes before.
    cdef Scratch* scratch = workspace.acquire(rows.rows * (1 + (rows.classes > 1)))
    try:
        with nogil:
            collect(rows, options.min_confidence, scratch)
            written = write_detections(
                scratch, options, &placement.transform, boxes, confidences, class_ids
            )
            if landmarks is not None:
                for row in range(written):
                    write_points(
                        rows,
                        scratch.location[scratch.written[row]],
                        &placement.transform,
                        landmarks,
                        row,
                    )
    finally:
        workspace.release()
    return written


cdef void collect(YoloRows rows, float min_confidence, Scratch* scratch) noexcept nogil:
    """Append the rows that reach the confidence to the candidates."""
    cdef int class_id
    if rows.rows == 0:
        return
    if rows.objectness >= 0:
        collect_column(rows, rows.objectness, ABSENT, min_confidence, scratch)
        return
    for class_id in range(rows.classes):
        collect_column(rows, rows.scores + class_id, class_id, min_confidence, scratch)


cdef void collect_column(
    YoloRows rows, int column, int class_id, float min_confidence, Scratch* scratch
) noexcept nogil:
    """Append the rows of which this column, and the confidence, reach the least one.

    With a `class_id` only those of which it is the most probable class.
    """
    # `add_candidate` writes behind what is read here: it appends at most one for each.
    cdef int32_t* location = scratch.location + scratch.count
    cdef Py_ssize_t found = scan_column(rows, column, min_confidence, location)
    cdef Py_ssize_t each
    cdef Py_ssize_t row
    cdef int32_t best
    cdef float confidence
    cdef float box[4]
    for each in range(found):
        row = location[each]
        best = best_class(rows, row)
        if best < 0 or (class_id >= 0 and best != class_id) or landmarks_have_nan(rows, row):
            continue
        confidence = value(rows, row, rows.scores + best)
        if rows.objectness >= 0:
            confidence *= value(rows, row, rows.objectness)
        if rows.class_column >= 0:
            if not value(rows, row, rows.class_column) >= 0:
                continue
            best = label_of(value(rows, row, rows.class_column))
        if confidence >= min_confidence:
            read_box(rows, row, box)
            add_candidate(scratch, box, confidence, best, row)


cdef inline float value(YoloRows rows, Py_ssize_t row, int column) noexcept nogil:
    return rows.data[row * rows.row_step + column * rows.column_step]


cdef inline Py_ssize_t scan_column(
    YoloRows rows, int column, float lowest, int32_t* found
) noexcept nogil:
    """Write the rows of which this column is at least `lowest`; return how many."""
    cdef const float* values = rows.data + column * rows.column_step
    cdef Py_ssize_t count = 0
    cdef Py_ssize_t row
    if rows.row_step == 1:
        return kernels.scan(values, rows.rows, lowest, found)
    for row in range(rows.rows):
        found[count] = <int32_t> row
        count += values[row * rows.row_step] >= lowest
    return count


cdef inline int32_t best_class(YoloRows rows, Py_ssize_t row) noexcept nogil:
    """The most probable class, the first of equals; -1 when a NaN is among them."""
    cdef int32_t best = 0
    cdef int32_t index
    cdef float highest = value(rows, row, rows.scores)
    cdef float probability
    cdef bint broken = highest != highest
    for index in range(1, rows.classes):
        probability = value(rows, row, rows.scores + index)
        broken |= probability != probability
        if probability > highest:
            highest = probability
            best = index
    return ABSENT if broken else best


cdef inline bint landmarks_have_nan(YoloRows rows, Py_ssize_t row) noexcept nogil:
    """Whether a NaN is among the landmarks of a row; their visibilities do not count."""
    cdef bint found = False
    cdef int point
    cdef int column
    if rows.landmarks < 0:
        return False
    for point in range(LANDMARKS):
        column = rows.landmarks + point * rows.landmark_step
        found |= value(rows, row, column) != value(rows, row, column)
        found |= value(rows, row, column + 1) != value(rows, row, column + 1)
    return found


cdef inline void read_box(YoloRows rows, Py_ssize_t row, float* box) noexcept nogil:
    """Write the corners of a row's box."""
    cdef int side
    cdef float center
    cdef float half
    if rows.corners:
        for side in range(4):
            box[side] = value(rows, row, side)
        return
    for side in range(2):
        center = value(rows, row, side)
        half = value(rows, row, side + 2) * <float> 0.5
        box[side] = center - half
        box[side + 2] = center + half


cdef inline void write_points(
    YoloRows rows,
    Py_ssize_t at,
    const Transform* transform,
    float[:, ::1] landmarks,
    Py_ssize_t row,
) noexcept nogil:
    """Write the landmarks of the row at this index, mapped to the image."""
    cdef int point
    cdef int column
    for point in range(LANDMARKS):
        column = rows.landmarks + point * rows.landmark_step
        write_landmark(
            transform, landmarks, row, point, value(rows, at, column), value(rows, at, column + 1)
        )
