"""The inputs and the written indices of `nms` and `soft_nms`."""

from libc.stdint cimport int32_t, int64_t

from ._arrays cimport Array, require_aligned
from ._candidates cimport add_candidate
from ._workspace cimport Scratch


cdef inline int check_inputs(
    const float[:, ::1] boxes, const float[::1] confidences, const int[::1] class_ids
) except -1:
    """Raise ValueError for arrays that do not fit together."""
    if boxes.shape[1] != 4:
        raise ValueError(f"boxes must have 4 columns, not {boxes.shape[1]}")
    if confidences.shape[0] != boxes.shape[0]:
        raise ValueError("confidences must be as many as boxes")
    if class_ids is not None and class_ids.shape[0] != boxes.shape[0]:
        raise ValueError("class_ids must be as many as boxes")
    if boxes.shape[0] >= 1 << 31:
        raise ValueError("boxes must be fewer than 2**31")
    if boxes.shape[0] > 0:
        require_aligned(&boxes[0, 0], "boxes")
        require_aligned(&confidences[0], "confidences")


cdef inline void collect(
    const float[:, ::1] boxes,
    const float[::1] confidences,
    const int[::1] class_ids,
    Scratch* scratch,
) noexcept nogil:
    """Append all boxes with an area and a confidence to the candidates."""
    cdef Py_ssize_t row
    for row in range(boxes.shape[0]):
        if confidences[row] == confidences[row]:
            add_candidate(
                scratch,
                &boxes[row, 0],
                confidences[row],
                0 if class_ids is None else class_ids[row],
                row,
            )


cdef inline void set_index(
    const Array* keep, Py_ssize_t row, int32_t index
) noexcept nogil:
    """Write an index into the caller's array of int32 or int64."""
    if keep.item_size == 4:
        (<int32_t*> keep.data)[row] = index
    else:
        (<int64_t*> keep.data)[row] = index
