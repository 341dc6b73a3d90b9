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
