"""The five landmarks of a face: checked, and written in pixels of the upright image."""

from ._candidates cimport clamped
from ._placement cimport Transform, image_x, image_y

cdef enum:
    LANDMARKS = 5


cdef inline int require_landmarks(
    float[:, ::1] landmarks, Py_ssize_t room
) except -1:
    """Raise ValueError unless the caller's array has `room` rows of five points."""
    if landmarks.shape[1] != 2 * LANDMARKS:
        raise ValueError(f"landmarks must have 10 columns, not {landmarks.shape[1]}")
    if landmarks.shape[0] != room:
        raise ValueError("landmarks must have as many rows as boxes")


cdef inline bint has_nan(const float* values, Py_ssize_t count) noexcept nogil:
    """Whether a NaN is among these values."""
    cdef bint found = False
    cdef Py_ssize_t index
    for index in range(count):
        found |= values[index] != values[index]
    return found


cdef inline void write_landmark(
    const Transform* transform,
    float[:, ::1] landmarks,
    Py_ssize_t row,
    int point,
    float x,
    float y,
) noexcept nogil:
    """Write one point, given in pixels of the network's input."""
    landmarks[row, 2 * point] = <float> image_x(transform, clamped(x))
    landmarks[row, 2 * point + 1] = <float> image_y(transform, clamped(y))
