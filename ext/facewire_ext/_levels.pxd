"""The feature levels of a raw head, bound once."""

from ._kernels cimport Level


cdef class Levels:
    cdef Level* levels
    cdef readonly Py_ssize_t level_count
    # The most candidates that a call can find: locations times classes.
    cdef readonly Py_ssize_t candidates
    cdef list held

    cdef int set_strides(self, object strides) except -1
    cdef int count_candidates(self) except -1
    cdef const float* bind(self, object array, str name, tuple shape) except? NULL


cdef inline const Level* level_of(Levels levels, Py_ssize_t location) noexcept nogil:
    """The level of a location that is counted over all levels."""
    cdef const Level* level = levels.levels
    while location >= level.first + level.locations:
        level += 1
    return level


cdef memoryview bound_view(object array, str name)
cdef int require_shape(memoryview view, str name, tuple shape) except -1
