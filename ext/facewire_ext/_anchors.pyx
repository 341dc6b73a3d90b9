"""Decode raw heads with several anchors in each cell: SCRFD and RetinaFace.

SCRFD (Guo et al., "Sample and Computation Redistribution for Efficient Face Detection",
2021; read as insightface's model_zoo/scrfd.py reads it): the network gives the distances
left, top, right, bottom of a box's sides, and the offsets of its landmarks, from the
cell's corner (column, row) * stride, in units of the stride.

RetinaFace (Deng et al., "RetinaFace: Single-stage Dense Face Localisation in the Wild",
2019; read as `decode` and `decode_landm` of Pytorch_Retinaface): offsets from priors,
squares of given sides about (column + 0.5, row + 0.5) * stride:
centre = prior + 0.1 * d * side, side = prior side * exp(0.2 * d), landmarks as centres.
"""

cimport cython
from libc.math cimport expf, isfinite
from libc.stdint cimport int32_t

from ._candidates cimport add_candidate
from ._detections cimport checked_outputs, write_detections
from ._kernels cimport Level, kernels
from ._landmarks cimport LANDMARKS, has_nan, require_landmarks, write_landmark
from ._levels cimport Levels, level_of
from ._placement cimport Placement, Transform
from ._suppression cimport FilterOptions, checked_options
from ._workspace cimport Scratch, Workspace

cdef enum:
    MAX_LEVELS = 8
    MAX_ANCHORS = 8

# Factors of the offsets of centres and of landmarks, and of the logarithms of sides.
cdef float CENTER_VARIANCE = 0.1
cdef float SIDE_VARIANCE = 0.2


@cython.final
cdef class AnchorLevels(Levels):
    """The output arrays of such a head, bound once and decoded many times.

    levels: for each level two or three float32 arrays, C-contiguous, with or without
    leading axes of 1: scores, boxes [N, 4] and, if the head has them, landmarks [N, 10],
    where N is the number of cells times `anchors`; the anchors of a cell follow each
    other. They are kept alive, not copied. Scores are probabilities: [N, 1] of SCRFD,
    [N, 2] of RetinaFace, background and face.
    strides: input pixels per cell, whole numbers, one for each level.
    input_width, input_height: of the network's input in pixels; levels are rounded up to
    whole cells.
    anchors: of each cell, 1 to 8.
    sides: of RetinaFace's priors in pixels: for each level one for each anchor. None: the
    boxes are SCRFD's distances.

    Raises ValueError when shapes, types or numbers do not fit, TypeError for arguments
    that are no arrays.
    """

    cdef Py_ssize_t anchors
    cdef bint has_priors
    # Whether the head has landmarks.
    cdef readonly bint has_landmarks
    cdef float sides[MAX_LEVELS][MAX_ANCHORS]

    def __init__(
        self, levels, *, strides, int input_width, int input_height, int anchors, sides=None
    ):
        if min(input_width, input_height) < 1:
            raise ValueError("the sides of the input must be at least 1 pixel")
        if not 1 <= anchors <= MAX_ANCHORS or self.level_count > MAX_LEVELS:
            raise ValueError("there must be 1 to 8 anchors, and at most 8 levels")
        self.set_strides(strides)
        self.anchors = anchors
        self.has_priors = sides is not None
        self.has_landmarks = len(levels[0]) == 3
        for index, (scores, boxes, *landmarks) in enumerate(levels):
            if len(landmarks) != self.has_landmarks:
                raise ValueError("all levels must have landmarks, or none")
            stride = int(strides[index])
            if stride != strides[index]:
                raise ValueError("strides must be whole numbers")
            self.levels[index].columns = -(-input_width // stride)
            rows = -(-input_height // stride)
            self._bind_level(index, rows, scores, boxes, landmarks)
        if self.has_priors:
            self._set_sides(sides)
        self.count_candidates()

    def _bind_level(self, index, rows, scores, boxes, landmarks):
        cdef Level* level = &self.levels[index]
        level.classes = 1
        level.locations = level.columns * rows * self.anchors
        classes = 2 if self.has_priors else 1
        level.scores = self.bind(scores, "scores", (level.locations, classes))
        level.boxes = self.bind(boxes, "boxes", (level.locations, 4))
        for array in landmarks:
            level.landmarks = self.bind(array, "landmarks", (level.locations, 10))

    def _set_sides(self, sides):
        if len(sides) != self.level_count or any(len(row) != self.anchors for row in sides):
            raise ValueError("sides must be one for each anchor of each level")
        for index, row in enumerate(sides):
            for anchor, side in enumerate(row):
                if not (isfinite(side) and side > 0):
                    raise ValueError("sides must be finite and positive")
                self.sides[index][anchor] = side


def decode_anchors(
    AnchorLevels levels not None,
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
    """Decode an SCRFD or RetinaFace head into detections of the upright image.

    The confidence is the network's probability of a face, as it is.

    landmarks: float32 [K, 10], written: x and y of five points in pixels of the upright
    image, not clipped, in the network's order. None: they are not wanted. A NaN among a
    face's landmarks drops the face, as one in its box does.

    The rest as in `decode_atss`; of equal confidences the lower level, then the first
    row of its arrays comes first.
    """
    cdef FilterOptions options = checked_options(min_confidence, iou_threshold, 0)
    cdef Py_ssize_t room = checked_outputs(boxes, confidences, class_ids)
    cdef Py_ssize_t written
    cdef Py_ssize_t index
    cdef Py_ssize_t row
    if landmarks is not None:
        require_landmarks(landmarks, room)
        if not levels.has_landmarks:
            raise ValueError("the head has no landmarks")
    cdef Scratch* scratch = workspace.acquire(levels.candidates)
    try:
        with nogil:
            for index in range(levels.level_count):
                collect_level(levels, index, options.min_confidence, scratch)
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


cdef void collect_level(
    AnchorLevels levels, Py_ssize_t index, float min_confidence, Scratch* scratch
) noexcept nogil:
    """Append the anchors of one level that reach the confidence to the candidates.

    Their location is then counted over all levels.
    """
    cdef const Level* level = &levels.levels[index]
    # `add_candidate` writes behind what is read here: it appends at most one for each.
    cdef int32_t* location = scratch.location + scratch.count
    cdef Py_ssize_t found = scan_faces(levels, level, min_confidence, location)
    cdef Py_ssize_t step = 1 + levels.has_priors
    cdef Py_ssize_t each
    cdef Py_ssize_t at
    cdef float box[4]
    for each in range(found):
        at = location[each]
        if levels.has_landmarks and has_nan(level.landmarks + 10 * at, 10):
            continue
        if levels.has_priors:
            decode_offsets(levels, level, at, levels.sides[index][at % levels.anchors], box)
        else:
            decode_distances(levels, level, at, box)
        add_candidate(
            scratch, box, level.scores[step * at + step - 1], 0, level.first + at
        )


cdef inline Py_ssize_t scan_faces(
    AnchorLevels levels, const Level* level, float lowest, int32_t* found
) noexcept nogil:
    """Write where the probability of a face is at least `lowest`; return how many."""
    cdef Py_ssize_t count = 0
    cdef Py_ssize_t at
    if not levels.has_priors:
        return kernels.scan(level.scores, level.locations, lowest, found)
    for at in range(level.locations):
        found[count] = <int32_t> at
        # No branch: the probabilities of the background lie between those of faces.
        count += level.scores[2 * at + 1] >= lowest
    return count


cdef inline void decode_distances(
    AnchorLevels levels, const Level* level, Py_ssize_t at, float* box
) noexcept nogil:
    """The box whose sides are so many strides from the cell's corner."""
    cdef Py_ssize_t cell = at // levels.anchors
    cdef const float* distances = level.boxes + 4 * at
    cdef float x = cell % level.columns * level.stride
    cdef float y = cell // level.columns * level.stride
    box[0] = x - distances[0] * level.stride
    box[1] = y - distances[1] * level.stride
    box[2] = x + distances[2] * level.stride
    box[3] = y + distances[3] * level.stride


cdef inline void decode_offsets(
    AnchorLevels levels, const Level* level, Py_ssize_t at, float side, float* box
) noexcept nogil:
    """The box that differs so much from a prior of this side."""
    cdef Py_ssize_t cell = at // levels.anchors
    cdef const float* offsets = level.boxes + 4 * at
    cdef float x = (cell % level.columns + 0.5) * level.stride
    cdef float y = (cell // level.columns + 0.5) * level.stride
    cdef float half_width = side * expf(SIDE_VARIANCE * offsets[2]) * <float> 0.5
    cdef float half_height = side * expf(SIDE_VARIANCE * offsets[3]) * <float> 0.5
    x += CENTER_VARIANCE * offsets[0] * side
    y += CENTER_VARIANCE * offsets[1] * side
    box[0] = x - half_width
    box[1] = y - half_height
    box[2] = x + half_width
    box[3] = y + half_height


cdef inline void write_points(
    AnchorLevels levels,
    Py_ssize_t location,
    const Transform* transform,
    float[:, ::1] landmarks,
    Py_ssize_t row,
) noexcept nogil:
    """Write point = origin + offset * unit, mapped to the image."""
    cdef const Level* level = level_of(levels, location)
    cdef Py_ssize_t at = location - level.first
    cdef Py_ssize_t cell = at // levels.anchors
    cdef const float* offsets = level.landmarks + 2 * LANDMARKS * at
    cdef float unit = level.stride
    cdef float half = 0
    cdef float x
    cdef float y
    cdef int point
    if levels.has_priors:
        unit = CENTER_VARIANCE * levels.sides[level - levels.levels][at % levels.anchors]
        half = 0.5
    x = (cell % level.columns + half) * level.stride
    y = (cell // level.columns + half) * level.stride
    for point in range(LANDMARKS):
        write_landmark(
            transform,
            landmarks,
            row,
            point,
            x + offsets[2 * point] * unit,
            y + offsets[2 * point + 1] * unit,
        )
