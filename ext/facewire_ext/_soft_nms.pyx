"""Soft-NMS of boxes from any source."""

from libc.math cimport expf, isfinite

from ._arrays cimport Array, close_array, open_integers
from ._suppression_inputs cimport check_inputs, collect, set_index
from ._suppression cimport checked_threshold
from ._workspace cimport Scratch, Workspace

SOFT_METHODS = ("linear", "gaussian")


cdef struct Decay:
    # How a confidence decreases with the IoU to a better box.
    bint gaussian
    float iou_threshold
    float sigma
    float min_confidence


def soft_nms(
    const float[:, ::1] boxes not None,
    const float[::1] confidences not None,
    keep,
    float[::1] rescored not None,
    *,
    str method not None="linear",
    double iou_threshold=0.3,
    double sigma=0.5,
    double min_confidence=0.001,
    const int[::1] class_ids=None,
    Workspace workspace=None,
):
    """Lower the confidence of overlapping boxes instead of dropping them (Soft-NMS).

    Bodla, Singh, Chellappa, Davis: "Soft-NMS -- Improving Object Detection With One
    Line of Code" (2017). The best box is taken; each other of its class has its
    confidence multiplied by 1 - IoU where IoU > iou_threshold (method "linear"), or
    by exp(-IoU ** 2 / sigma) (method "gaussian"). This repeats until no box is left
    whose confidence is at least `min_confidence`.

    keep: int32 or int64 [K] and rescored: float32 [K], written: indices and lowered
    confidences of the boxes taken, by descending lowered confidence. Rows whose given
    confidence is negative are dropped.

    The other arguments as in `nms`. sigma: above 0.
    """
    cdef Array indices
    cdef Scratch* scratch
    cdef Py_ssize_t written
    cdef Decay decay
    if method not in SOFT_METHODS:
        raise ValueError(f"method must be one of {SOFT_METHODS}, not {method!r}")
    if not (isfinite(sigma) and sigma > 0):
        raise ValueError("sigma must be finite and positive")
    decay.gaussian = method == "gaussian"
    decay.iou_threshold = checked_threshold(iou_threshold, "iou_threshold")
    decay.sigma = sigma
    decay.min_confidence = checked_threshold(min_confidence, "min_confidence")
    check_inputs(boxes, confidences, class_ids)
    if workspace is None:
        workspace = Workspace()
    open_integers(&indices, keep, "keep", writable=True)
    try:
        if rescored.shape[0] != indices.rows:
            raise ValueError("keep and rescored must be of one length")
        scratch = workspace.acquire(boxes.shape[0])
        try:
            with nogil:
                collect(boxes, confidences, class_ids, scratch)
                written = soft(scratch, decay, &indices, rescored)
        finally:
            workspace.release()
    finally:
        close_array(&indices)
    return written


cdef Py_ssize_t soft(
    Scratch* scratch, Decay decay, const Array* keep, float[::1] rescored
) noexcept nogil:
    """Take the best candidate, lower the others, and repeat.

    The confidence of a taken candidate is set to -1.
    """
    cdef Py_ssize_t written = 0
    cdef Py_ssize_t best = first_best(scratch)
    while best >= 0 and written < keep.rows:
        if not scratch.confidence[best] >= decay.min_confidence:
            break
        set_index(keep, written, scratch.location[best])
        rescored[written] = scratch.confidence[best]
        written += 1
        scratch.confidence[best] = -1
        best = lower_others(scratch, best, decay)
    return written


cdef inline Py_ssize_t first_best(const Scratch* scratch) noexcept nogil:
    """The candidate of the highest confidence, the lowest index of equals; or -1."""
    cdef Py_ssize_t best = -1
    cdef Py_ssize_t index
    cdef float highest = -1
    for index in range(scratch.count):
        if scratch.confidence[index] > highest and scratch.confidence[index] >= 0:
            highest = scratch.confidence[index]
            best = index
    return best


cdef Py_ssize_t lower_others(
    Scratch* scratch, Py_ssize_t taken, Decay decay
) noexcept nogil:
    """Lower the confidences of boxes that overlap `taken`; return the best of the rest."""
    cdef Py_ssize_t index
    cdef float overlap
    for index in range(scratch.count):
        if (
            scratch.confidence[index] >= 0
            and scratch.class_id[index] == scratch.class_id[taken]
        ):
            overlap = iou(scratch.boxes + 4 * taken, scratch.boxes + 4 * index)
            scratch.confidence[index] *= factor(overlap, decay)
    return first_best(scratch)


cdef inline float factor(float overlap, Decay decay) noexcept nogil:
    """What a confidence is multiplied by for this IoU to a better box."""
    if decay.gaussian:
        return expf(-overlap * overlap / decay.sigma)
    return 1 - overlap if overlap > decay.iou_threshold else 1


cdef inline float iou(const float* a, const float* b) noexcept nogil:
    """Intersection over union of two boxes that have an area each."""
    cdef float width = min(a[2], b[2]) - max(a[0], b[0])
    cdef float height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0
    return width * height / (area(a) + area(b) - width * height)


cdef inline float area(const float* box) noexcept nogil:
    return (box[2] - box[0]) * (box[3] - box[1])
