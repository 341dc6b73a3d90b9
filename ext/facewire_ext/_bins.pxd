"""Kept boxes in bins by place and size, for `_suppression`."""

from libc.stdint cimport int32_t

from ._workspace cimport KeptBox, Scratch


cdef void clear_bins(Scratch* scratch) noexcept nogil
cdef void put_into_bins(Scratch* scratch, int32_t index) noexcept nogil
cdef int32_t find_in_bins(
    const Scratch* scratch, const KeptBox* box, float threshold
) noexcept nogil
