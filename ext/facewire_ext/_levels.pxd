"""The feature levels of a raw head, bound once, for the decoders."""

from ._kernels cimport Level


cdef class Levels:
    cdef Level* levels
    cdef readonly Py_ssize_t level_count
    # Candidates that a call can meet at most: locations times classes.
    cdef readonly Py_ssize_t candidates
    cdef list held

    cdef int set_strides(self, object strides) except -1
    cdef int count_candidates(self) except -1
    cdef const float* bind(self, object array, str name, tuple shape) except? NULL
