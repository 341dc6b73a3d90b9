"""Decode the raw ATSS head: class logits, deltas and centerness of each level.

Anchors, deltas and scores as in mmdetection's ATSSHead, AnchorGenerator and
DeltaXYWHBBoxCoder: one square anchor per location, centred at (column * stride,
row * stride), of side octave_base_scale * stride.
"""

cimport cython
from libc.math cimport isfinite
from libc.stdint cimport int32_t

from ._candidates cimport append_candidates, drop_below, lowest_logit
from ._detections cimport checked_outputs, write_detections
from ._kernels cimport Level, kernels
from ._levels cimport Levels
from ._order cimport keep_top
from ._placement cimport Placement
from ._suppression cimport FilterOptions, checked_options
from ._workspace cimport Scratch, Workspace

SCORE_FUSIONS = ("product", "geometric_mean")


@cython.final
cdef class AtssLevels(Levels):
    """The output arrays of an ATSS head, bound once and decoded many times.

    levels: for each level three float32 arrays, C-contiguous, with or without a
    leading axis of 1: class logits [C, H, W], deltas [4, H, W] and centerness logits
    [1, H, W]. They are kept alive, not copied.
    strides: input pixels per cell, one for each level.
    octave_base_scale: side of the anchor in strides.
    target_stds: factors of the four deltas.
    score_fusion: "product" of the two probabilities (mmdetection), or their
    "geometric_mean" (FCOS).

    Raises ValueError when shapes, types or numbers do not fit, TypeError for arguments
    that are no arrays.
    """

    # Whether the confidence is the root of the product of the two probabilities.
    cdef bint geometric_mean

    def __init__(
        self,
        levels,
        *,
        strides,
        double octave_base_scale,
        target_stds=(0.1, 0.1, 0.2, 0.2),
        str score_fusion not None="product",
    ):
        if score_fusion not in SCORE_FUSIONS:
            raise ValueError(
                f"score_fusion must be one of {SCORE_FUSIONS}, not {score_fusion!r}"
            )
        if not (isfinite(octave_base_scale) and octave_base_scale > 0):
            raise ValueError("octave_base_scale must be finite and positive")
        if len(target_stds) != 4 or not all(isfinite(std) for std in target_stds):
            raise ValueError("target_stds must be four finite numbers")
        self.geometric_mean = score_fusion == "geometric_mean"
        self.set_strides(strides)
        for index, arrays in enumerate(levels):
            self.levels[index].side = octave_base_scale * self.levels[index].stride
            self.levels[index].stds = target_stds
            self._bind_level(index, *arrays)
        self.count_candidates()

    def _bind_level(self, index, logits, deltas, centerness):
        cdef Level* level = &self.levels[index]
        level.scores = self.bind(logits, "class logits", (None, None, None))
        *_, classes, height, width = memoryview(logits).shape
        level.boxes = self.bind(deltas, "deltas", (4, height, width))
        level.quality = self.bind(centerness, "centerness", (1, height, width))
        level.classes = classes
        level.columns = width
        level.locations = height * width


def decode_atss(
    AtssLevels levels not None,
    float[:, ::1] boxes not None,
    float[::1] confidences not None,
    int[::1] class_ids not None,
    *,
    Placement placement not None,
    double min_confidence,
    iou_threshold=None,
    Py_ssize_t candidates_per_level=0,
    Workspace workspace not None,
):
    """Decode an ATSS head into detections of the upright image.

    levels: the network's outputs. placement: how the image was fitted into its input.
    min_confidence: [0, 1]; a detection is kept when its confidence is at least this.
    iou_threshold: [0, 1]; of two boxes of a class whose IoU in the input is greater,
    the one of lower confidence is dropped. None: no suppression.
    candidates_per_level: how many of each level, the best, go on to suppression; 0: all.

    boxes: float32 [K, 4], x_min, y_min, x_max, y_max in pixels of the upright image,
    clipped to it. confidences: float32 [K]. class_ids: int32 [K]. All are written, at
    most K rows, by descending confidence; of equal confidences the lower level, then
    the lower class, then the first location by rows comes first. Returns the number of
    rows written.

    A row with a NaN in it is dropped, and so is a box without area, in the input or
    after clipping. Coordinates are limited to 2**20 input pixels either way.

    The GIL is released. Raises ValueError for a threshold outside [0, 1] and for
    arrays that do not fit, RuntimeError when `workspace` is in use elsewhere.
    """
    cdef FilterOptions options = checked_options(
        min_confidence, iou_threshold, candidates_per_level
    )
    cdef Py_ssize_t written
    checked_outputs(boxes, confidences, class_ids)
    cdef Scratch* scratch = workspace.acquire(levels.candidates)
    try:
        with nogil:
            collect(levels, options, scratch)
            written = write_detections(
                scratch, options, &placement.transform, boxes, confidences, class_ids
            )
    finally:
        workspace.release()
    return written


cdef void collect(AtssLevels levels, FilterOptions options, Scratch* scratch) noexcept nogil:
    """Append every location of every class that reaches the confidence."""
    cdef Py_ssize_t index
    cdef Py_ssize_t first
    cdef Py_ssize_t class_id
    # The fused confidence is at most sigmoid(logit), or its root.
    cdef double probability = options.min_confidence
    if levels.geometric_mean:
        probability *= probability
    cdef float lowest = lowest_logit(probability)
    for index in range(levels.level_count):
        first = scratch.count
        for class_id in range(levels.levels[index].classes):
            collect_map(levels, index, class_id, lowest, options.min_confidence, scratch)
        keep_top(scratch, first, options.candidates_per_level)


cdef void collect_map(
    AtssLevels levels,
    Py_ssize_t index,
    Py_ssize_t class_id,
    float lowest,
    float min_confidence,
    Scratch* scratch,
) noexcept nogil:
    """Append what reaches the confidence in the map of one class of one level."""
    cdef const Level* level = &levels.levels[index]
    cdef const float* logits = level.scores + class_id * level.locations
    cdef int32_t* location = scratch.location + scratch.count
    cdef float* confidence = scratch.confidence + scratch.count
    cdef float* boxes = scratch.boxes + 4 * scratch.count
    cdef Py_ssize_t found = kernels.scan(logits, level.locations, lowest, location)
    cdef bint all_have_areas
    if found == 0:
        return
    kernels.fuse_logits(
        logits, level.quality, levels.geometric_mean, location, found, confidence
    )
    found = drop_below(scratch, found, min_confidence)
    all_have_areas = kernels.decode_atss(level, location, found, boxes)
    append_candidates(scratch, found, <int32_t> class_id, all_have_areas)
