"""Input arrays whose leading axes of 1 do not matter, for the other modules."""


cdef struct Array:
    Py_buffer buffer
    void* data
    Py_ssize_t rows
    int item_size


cdef inline int require_aligned(const float* data, str name) except -1:
    """Refuses values at odd addresses, which vectors cannot be trusted with."""
    if <size_t> data % sizeof(float):
        raise ValueError(f"{name} must be aligned to its elements")


cdef int open_floats(
    Array* array, object source, str name, Py_ssize_t columns
) except -1
cdef int open_integers(
    Array* array, object source, str name, bint writable=*
) except -1
cdef void close_array(Array* array) noexcept
