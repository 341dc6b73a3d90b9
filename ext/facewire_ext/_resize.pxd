"""Stored pixels, resized and rotated into the planes of an input."""

from libc.stdint cimport uint8_t


cdef struct Source:
    const uint8_t* pixels  # the first that is used; of video: the luma
    Py_ssize_t stride  # bytes from one row to the next
    Py_ssize_t channels  # of video: those that it is converted to
    Py_ssize_t width
    Py_ssize_t height
    const uint8_t* u  # of video; else NULL
    const uint8_t* v
    Py_ssize_t chroma_stride
    Py_ssize_t chroma_step
    Py_ssize_t luma_width
    Py_ssize_t first_row
    Py_ssize_t first_column


cdef struct Target:
    uint8_t* plane[3]  # where the covered part begins in each plane, by stored channel
    Py_ssize_t stride
    Py_ssize_t width  # of the covered part
    Py_ssize_t height
    bint swapped  # x of the target runs along y of the source
    bint flipped_x  # of the target, against the source's axis
    bint flipped_y


cdef bint draw(const Source* source, const Target* target) noexcept nogil
