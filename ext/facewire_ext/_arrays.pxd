"""Input arrays that may have leading axes of length 1."""


cdef struct Array:
    Py_buffer buffer
    void* data
    Py_ssize_t rows
    int item_size


cdef inline int require_aligned(const float* data, str name) except -1:
    """Raise ValueError for misaligned values, which vector instructions may not read."""
    if <size_t> data % sizeof(float):
        raise ValueError(f"{name} must be aligned to its elements")


cdef int open_floats(
    Array* array, object source, str name, Py_ssize_t columns
) except -1
cdef int open_integers(
    Array* array, object source, str name, bint writable=*
) except -1
cdef void close_array(Array* array) noexcept
