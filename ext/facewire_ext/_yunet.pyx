"""Decode the raw YuNet head: class, object, box and landmarks of each level.

Formulas as in libfacedetection's export and OpenCV's FaceDetectorYN: per cell,
centre (column + dx, row + dy) * stride and size (exp(dw), exp(dh)) * stride.
"""

cimport cython
from libc.math cimport INFINITY
from libc.stdint cimport int32_t

from ._candidates cimport append_candidates, drop_below
from ._detections cimport checked_outputs, write_detections
from ._kernels cimport Level, kernels
from ._landmarks cimport LANDMARKS, require_landmarks, write_landmark
from ._levels cimport Levels, level_of
from ._order cimport keep_top
from ._placement cimport Placement, Transform
from ._suppression cimport FilterOptions, checked_options
from ._workspace cimport Scratch, Workspace


@cython.final
cdef class YunetLevels(Levels):
    """The output arrays of a YuNet head, bound once and decoded many times.

    levels: for each level four float32 arrays, C-contiguous, with or without a
    leading axis of 1: class [HW, 1], object [HW, 1], boxes [HW, 4] and landmarks
    [HW, 10]. They are kept alive, not copied.
    strides: input pixels per cell, whole numbers, one for each level.
    input_width, input_height: of the network's input in pixels, multiples of each
    stride: H and W of a level are the height and width divided by the stride.

    Raises ValueError when shapes, types or numbers do not fit, TypeError for arguments
    that are no arrays.
    """

    def __init__(self, levels, *, strides, int input_width, int input_height):
        self.set_strides(strides)
        if min(input_width, input_height) < 1:
            raise ValueError("the sides of the input must be at least 1 pixel")
        for index, arrays in enumerate(levels):
            if input_width % strides[index] or input_height % strides[index]:
                raise ValueError(
                    f"the input, {input_width} x {input_height}, must be whole cells "
                    f"of {strides[index]} pixels"
                )
            self.levels[index].columns = int(input_width // strides[index])
            rows = int(input_height // strides[index])
            self._bind_level(index, rows, *arrays)
        self.count_candidates()

    def _bind_level(self, index, rows, scores, objects, boxes, landmarks):
        cdef Level* level = &self.levels[index]
        level.classes = 1
        level.locations = level.columns * rows
        level.scores = self.bind(scores, "class", (level.locations, 1))
        level.quality = self.bind(objects, "object", (level.locations, 1))
        level.boxes = self.bind(boxes, "boxes", (level.locations, 4))
        level.landmarks = self.bind(landmarks, "landmarks", (level.locations, 10))


def decode_yunet(
    YunetLevels levels not None,
    float[:, ::1] boxes not None,
    float[::1] confidences not None,
    int[::1] class_ids not None,
    float[:, ::1] landmarks not None,
    *,
    Placement placement not None,
    double min_confidence,
    iou_threshold=None,
    Py_ssize_t candidates_per_level=0,
    Workspace workspace not None,
):
    """Decode a YuNet head into detections of the upright image.

    confidence = sqrt(class * object), both limited to [0, 1].

    landmarks: float32 [K, 10], written: x and y of right eye, left eye, nose tip,
    right and left corner of the mouth (the person's right), in pixels of the upright
    image, not clipped. A NaN among a face's landmarks drops the face, as one in its
    box does.

    The rest as in `decode_atss`; of equal confidences the lower level, then the first
    location by rows comes first.
    """
    cdef FilterOptions options = checked_options(
        min_confidence, iou_threshold, candidates_per_level
    )
    cdef Py_ssize_t written
    require_landmarks(landmarks, checked_outputs(boxes, confidences, class_ids))
    cdef Scratch* scratch = workspace.acquire(levels.candidates)
    try:
        with nogil:
            collect(levels, options, scratch)
            written = write_detections(
                scratch, options, &placement.transform, boxes, confidences, class_ids
            )
            write_all_landmarks(
                levels, scratch, &placement.transform, landmarks, written
            )
    finally:
        workspace.release()
    return written


cdef void collect(YunetLevels levels, FilterOptions options, Scratch* scratch) noexcept nogil:
    """Append every location that reaches the confidence to the candidates."""
    cdef Py_ssize_t index
    cdef Py_ssize_t first
    cdef float lowest = lowest_class(options.min_confidence)
    for index in range(levels.level_count):
        first = scratch.count
        collect_level(&levels.levels[index], lowest, options.min_confidence, scratch)
        keep_top(scratch, first, options.candidates_per_level)


cdef inline float lowest_class(float min_confidence) noexcept nogil:
    """A class probability below which no object probability can reach the confidence.

    Lowered a little for rounding: the confidence itself is compared afterwards.
    """
    cdef double squared = <double> min_confidence * min_confidence
    return <float> (squared * (1 - 1e-5)) if squared > 0 else -INFINITY


cdef void collect_level(
    const Level* level, float lowest, float min_confidence, Scratch* scratch
) noexcept nogil:
    """Append the locations of one level that reach the confidence to the candidates.

    Their location is then counted over all levels.
    """
    cdef int32_t* location = scratch.location + scratch.count
    cdef float* confidence = scratch.confidence + scratch.count
    cdef float* boxes = scratch.boxes + 4 * scratch.count
    cdef Py_ssize_t found = kernels.scan(
        level.scores, level.locations, lowest, location
    )
    cdef Py_ssize_t index
    cdef bint all_have_areas
    if found == 0:
        return
    kernels.fuse_probabilities(
        level.scores, level.quality, location, found, confidence
    )
    found = drop_below(scratch, found, min_confidence)
    all_have_areas = kernels.decode_yunet(level, location, found, boxes)
    for index in range(found):
        location[index] += <int32_t> level.first
    append_candidates(scratch, found, 0, all_have_areas)


cdef void write_all_landmarks(
    YunetLevels levels,
    const Scratch* scratch,
    const Transform* transform,
    float[:, ::1] landmarks,
    Py_ssize_t count,
) noexcept nogil:
    """Write the landmarks of the detections that have been written."""
    cdef Py_ssize_t row
    cdef Py_ssize_t location
    cdef const Level* level
    for row in range(count):
        location = scratch.location[scratch.written[row]]
        level = level_of(levels, location)
        write_landmarks(level, location - level.first, transform, landmarks, row)


cdef inline void write_landmarks(
    const Level* level,
    Py_ssize_t location,
    const Transform* transform,
    float[:, ::1] landmarks,
    Py_ssize_t row,
) noexcept nogil:
    """Write point = (column + kx, row + ky) * stride, mapped to the image."""
    cdef const float* offsets = level.landmarks + 2 * LANDMARKS * location
    cdef Py_ssize_t cell_x = location % level.columns
    cdef Py_ssize_t cell_y = location // level.columns
    cdef float x
    cdef float y
    cdef int point
    for point in range(LANDMARKS):
        x = (cell_x + offsets[2 * point]) * level.stride
        y = (cell_y + offsets[2 * point + 1]) * level.stride
        write_landmark(transform, landmarks, row, point, x, y)
