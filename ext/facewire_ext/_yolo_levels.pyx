"""Decode the raw levels of YOLOv8: logits of distances, of classes, and landmarks.

The formulas are those of Ultralytics' `Detect`, `DFL` and `Pose`, which exports of
yolov8-face leave out: the distance of a side is the mean of 0 to 15 by the softmax of 16
logits (Li et al., "Generalized Focal Loss", 2020), in strides from the centre of the cell;
a landmark is (2 * offset + (column, row)) * stride.
"""

cimport cython
from libc.math cimport expf
from libc.stdint cimport int32_t

from ._candidates cimport add_candidate, lowest_logit
from ._detections cimport checked_outputs, write_detections
from ._kernels cimport Level, kernels
from ._landmarks cimport LANDMARKS, require_landmarks, write_landmark
from ._levels cimport Levels, level_of
from ._placement cimport Placement, Transform
from ._suppression cimport FilterOptions, checked_options
from ._workspace cimport Scratch, Workspace

cdef enum:
    BINS = 16
    SIDES = 4


@cython.final
cdef class YoloLevels(Levels):
    """The output arrays of such a head, bound once and decoded many times.

    levels: for each level a float32 array [C, H, W], C-contiguous, with or without a
    leading axis of 1: 64 logits of the distances left, top, right, bottom, 16 each, the
    logits of the classes, and five landmarks. They are kept alive, not copied.
    strides: input pixels per cell, one for each level.
    classes: how many there are.
    landmark_step: how many values a landmark has, x and y first; 0: there are none.

    Raises ValueError when shapes, types or numbers do not fit, TypeError for arguments
    that are no arrays.
    """

    cdef int landmark_step

    def __init__(self, levels, *, strides, int classes, int landmark_step=0):
        if classes < 1 or landmark_step not in (0, 2, 3):
            raise ValueError("there must be classes, and landmarks of 0, 2 or 3 values")
        self.set_strides(strides)
        self.landmark_step = landmark_step
        for index, array in enumerate(levels):
            self._bind_level(index, array, classes)
        self.count_candidates()

    def _bind_level(self, index, array, classes):
        cdef Level* level = &self.levels[index]
        channels = SIDES * BINS + classes + LANDMARKS * self.landmark_step
        level.boxes = self.bind(array, "level", (channels, None, None))
        *_, height, width = memoryview(array).shape
        level.classes = classes
        level.columns = width
        level.locations = height * width
        level.scores = level.boxes + SIDES * BINS * level.locations
        level.landmarks = level.scores + level.classes * level.locations


def decode_yolo_levels(
    YoloLevels levels not None,
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
    """Decode the raw levels of a YOLOv8 into detections of the upright image.

    Each cell is at most one detection, of its most probable class (the first of equals).
    The confidence is the sigmoid of its logit.

    landmarks: float32 [K, 10], written: x and y of five points in pixels of the upright
    image, not clipped, in the network's order. None: they are not wanted. A NaN among a
    face's landmarks drops the face, as one in its box or its classes does.

    The rest as in `decode_atss`; of equal confidences the lower level, then the lower
    class, then the first location by rows comes first.
    """
    cdef FilterOptions options = checked_options(min_confidence, iou_threshold, 0)
    cdef Py_ssize_t room = checked_outputs(boxes, confidences, class_ids)
    cdef Py_ssize_t written
    cdef Py_ssize_t index
    cdef Py_ssize_t row
    cdef int class_id
    if landmarks is not None:
        require_landmarks(landmarks, room)
        if levels.landmark_step == 0:
            raise ValueError("the head has no landmarks")
    cdef Scratch* scratch = workspace.acquire(levels.candidates)
    try:
        with nogil:
            for index in range(levels.level_count):
                for class_id in range(levels.levels[index].classes):
                    collect_map(levels, index, class_id, options.min_confidence, scratch)
            written = write_detections(
                scratch, options, &placement.transform, boxes, confidences, class_ids
            )
            if landmarks is not None:
                for row in range(written):
                    write_points(
                        levels,
                        scratch.location[scratch.written[row]],
                        &placement.transform,
                        landmarks,
                        row,
                    )
    finally:
        workspace.release()
    return written


cdef void collect_map(
    YoloLevels levels,
    Py_ssize_t index,
    int class_id,
    float min_confidence,
    Scratch* scratch,
) noexcept nogil:
    """Append the cells of one level of which this class is the most probable one.

    Their location is then counted over all levels.
    """
    cdef const Level* level = &levels.levels[index]
    cdef const float* logits = level.scores + class_id * level.locations
    # `add_candidate` writes behind what is read here: it appends at most one for each.
    cdef int32_t* location = scratch.location + scratch.count
    cdef Py_ssize_t found = kernels.scan(
        logits, level.locations, lowest_logit(min_confidence), location
    )
    cdef Py_ssize_t each
    cdef Py_ssize_t at
    cdef float confidence
    cdef float box[4]
    for each in range(found):
        at = location[each]
        confidence = 1 / (1 + expf(-logits[at]))
        if (
            confidence >= min_confidence
            and is_best(level, at, class_id)
            and not landmarks_have_nan(levels, level, at)
        ):
            decode_box(level, at, box)
            add_candidate(scratch, box, confidence, class_id, level.first + at)


cdef inline bint is_best(const Level* level, Py_ssize_t at, int class_id) noexcept nogil:
    """Whether no class is more probable, and none before it as probable; no NaN either."""
    cdef float logit = level.scores[class_id * level.locations + at]
    cdef bint best = True
    cdef float other
    cdef int index
    for index in range(level.classes):
        other = level.scores[index * level.locations + at]
        best &= other < logit or (other == logit and index >= class_id)
    return best


cdef inline bint landmarks_have_nan(
    YoloLevels levels, const Level* level, Py_ssize_t at
) noexcept nogil:
    """Whether a NaN is among the landmarks of a cell; their visibilities do not count."""
    cdef bint found = False
    cdef const float* values = level.landmarks + at
    cdef int point
    if levels.landmark_step == 0:
        return False
    for point in range(LANDMARKS):
        found |= values[0] != values[0]
        found |= values[level.locations] != values[level.locations]
        values += levels.landmark_step * level.locations
    return found


cdef inline void decode_box(const Level* level, Py_ssize_t at, float* box) noexcept nogil:
    """The box whose sides are so many strides from the centre of the cell."""
    cdef float center[2]
    cdef float distance
    cdef int side
    center[0] = (at % level.columns + 0.5) * level.stride
    center[1] = (at // level.columns + 0.5) * level.stride
    for side in range(SIDES):
        distance = mean_distance(level, at, side) * level.stride
        box[side] = center[side % 2] + (distance if side >= 2 else -distance)


cdef inline float mean_distance(const Level* level, Py_ssize_t at, int side) noexcept nogil:
    """The mean of 0 to 15, weighted by the softmax of a side's logits."""
    cdef const float* logits = level.boxes + side * BINS * level.locations + at
    cdef float highest = logits[0]
    cdef float total = 0
    cdef float weighted = 0
    cdef float weight
    cdef int index
    for index in range(1, BINS):
        highest = max(highest, logits[index * level.locations])
    for index in range(BINS):
        weight = expf(logits[index * level.locations] - highest)
        total += weight
        weighted += weight * index
    return weighted / total


cdef inline void write_points(
    YoloLevels levels,
    Py_ssize_t location,
    const Transform* transform,
    float[:, ::1] landmarks,
    Py_ssize_t row,
) noexcept nogil:
    """Write point = (2 * offset + (column, row)) * stride, mapped to the image."""
    cdef const Level* level = level_of(levels, location)
    cdef Py_ssize_t at = location - level.first
    cdef const float* values = level.landmarks + at
    cdef float column = at % level.columns
    cdef float line = at // level.columns
    cdef int point
    for point in range(LANDMARKS):
        write_landmark(
            transform,
            landmarks,
            row,
            point,
            (2 * values[0] + column) * level.stride,
            (2 * values[level.locations] + line) * level.stride,
        )
        values += levels.landmark_step * level.locations
