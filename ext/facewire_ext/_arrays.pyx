"""Open the network's output arrays, which may have leading axes of length 1.

A typed memoryview would fix the number of axes; networks differ in it. Errors name the
argument.
"""

from cpython.buffer cimport (
    PyBUF_FORMAT,
    PyBUF_STRIDES,
    PyBUF_WRITABLE,
    PyBuffer_IsContiguous,
    PyBuffer_Release,
    PyObject_CheckBuffer,
    PyObject_GetBuffer,
)


cdef int open_floats(
    Array* array, object source, str name, Py_ssize_t columns
) except -1:
    """Open float32 rows of `columns`; call `close_array` when done with them.

    Raises TypeError for an argument that is no array, ValueError for a wrong shape,
    element type or alignment.
    """
    _open(array, source, name, 0)
    try:
        _require_format(array, name, b"f", "float32")
        _require_rows(array, name, columns)
    except BaseException:
        close_array(array)
        raise


cdef int open_integers(
    Array* array, object source, str name, bint writable=False
) except -1:
    """Open a one-dimensional array of int32 or int64, `item_size` bytes each."""
    _open(array, source, name, PyBUF_WRITABLE if writable else 0)
    try:
        _require_format(array, name, b"ilq", "int32 or int64")
        _require_rows(array, name, 1)
    except BaseException:
        close_array(array)
        raise


cdef void close_array(Array* array) noexcept:
    """Release the buffer of an opened array."""
    PyBuffer_Release(&array.buffer)


cdef int _open(Array* array, object source, str name, int flags) except -1:
    if not PyObject_CheckBuffer(source):
        raise TypeError(f"{name} must be an array, not {type(source).__name__}")
    PyObject_GetBuffer(source, &array.buffer, PyBUF_FORMAT | PyBUF_STRIDES | flags)
    array.data = array.buffer.buf
    array.item_size = array.buffer.itemsize


cdef int _require_format(
    Array* array, str name, bytes formats, str expected
) except -1:
    """Raise ValueError for other element types, gaps between elements and misalignment."""
    cdef bytes given = array.buffer.format
    if len(given.lstrip(b"@=<")) != 1 or given.lstrip(b"@=<") not in formats:
        raise ValueError(f"{name} must be {expected}, not of format {given.decode()}")
    if not PyBuffer_IsContiguous(&array.buffer, b"C"):
        raise ValueError(f"{name} must be C-contiguous")
    if <size_t> array.data % array.buffer.itemsize:
        raise ValueError(f"{name} must be aligned to its elements")


cdef int _require_rows(Array* array, str name, Py_ssize_t columns) except -1:
    """Set `rows`; all axes before the last two (with one column: one) must be 1."""
    cdef Py_ssize_t axes = array.buffer.ndim
    cdef Py_ssize_t needed = 1 if columns == 1 else 2
    cdef list shape = [array.buffer.shape[axis] for axis in range(axes)]
    if axes < needed or any(side != 1 for side in shape[: axes - needed]):
        raise ValueError(f"{name} must be [N, {columns}], not {shape}")
    if needed == 2 and shape[axes - 1] != columns:
        raise ValueError(f"{name} must have {columns} columns, not {shape[axes - 1]}")
    array.rows = shape[axes - needed]
