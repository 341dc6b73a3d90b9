"""Sorting and selection of candidates by confidence."""

from ._workspace cimport Scratch


cdef void sort_descending(Scratch* scratch) noexcept nogil
cdef void keep_top(Scratch* scratch, Py_ssize_t first, Py_ssize_t limit) noexcept nogil
